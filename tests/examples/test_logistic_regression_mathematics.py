"""The pure functions: sums over hospitals, derivatives, and Newton's method."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logistic_regression.likelihood import LogLikelihood, evaluate, total
from logistic_regression.newton import maximise
from logistic_regression.standardization import (
    Moments,
    design_matrix,
    merge,
    to_original_scale,
)

from .in_process import through_json

PATIENTS = 40
RANDOM = np.random.default_rng(20240)
VALUES = RANDOM.normal(size=(PATIENTS, 3)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 3.0]
OUTCOME = (RANDOM.random(PATIENTS) < 0.4).astype(np.float64)
DESIGN = design_matrix(VALUES, VALUES.mean(0), VALUES.std(0))
POINTS = [np.zeros(4), np.array([0.3, -1.2, 0.7, 2.0]), np.array([-4.0, 3.0, 0.0, -6.0])]

# The hospital of each patient; some hospitals may have nobody.
partitions = st.lists(st.integers(0, 4), min_size=PATIENTS, max_size=PATIENTS)
points = st.lists(st.floats(-5, 5), min_size=4, max_size=4).map(np.array)


def groups(partition: list[int]) -> list[npt.NDArray[np.bool_]]:
    hospital = np.array(partition)
    return [hospital == number for number in sorted(set(partition))]


class TestSums:
    @given(partitions)
    def test_merged_moments_are_those_of_all_patients(self, partition: list[int]) -> None:
        merged = merge([Moments.of(VALUES[group]) for group in groups(partition)])
        assert merged.count == PATIENTS
        np.testing.assert_allclose(merged.mean, VALUES.mean(0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(merged.deviation(), VALUES.std(0), rtol=1e-12)

    @given(partitions, points)
    def test_added_log_likelihoods_are_those_of_all_patients(
        self, partition: list[int], point: npt.NDArray[np.float64]
    ) -> None:
        parts = [evaluate(DESIGN[group], OUTCOME[group], point) for group in groups(partition)]
        added, pooled = total(parts), evaluate(DESIGN, OUTCOME, point)
        assert added.value == pytest.approx(pooled.value, rel=1e-12)
        np.testing.assert_allclose(added.gradient, pooled.gradient, rtol=1e-12, atol=1e-11)
        np.testing.assert_allclose(added.hessian, pooled.hessian, rtol=1e-12, atol=1e-11)

    def test_a_large_mean_does_not_swallow_a_small_deviation(self) -> None:
        values = 1e9 + RANDOM.normal(size=(300, 1))
        parts = [Moments.of(values[start : start + 100]) for start in (0, 100, 200)]
        np.testing.assert_allclose(merge(parts).deviation(), values.std(0), rtol=1e-6)
        from_sums = np.mean(values**2) - np.mean(values) ** 2
        assert abs(from_sums - values.var()) > 0.1

    def test_answers_come_back_from_json_as_they_were(self) -> None:
        moments = Moments.of(VALUES)
        read = Moments.from_answer(through_json(moments.to_answer()))
        assert read.count == moments.count
        np.testing.assert_array_equal(read.mean, moments.mean)
        np.testing.assert_array_equal(read.squares, moments.squares)
        found = evaluate(DESIGN, OUTCOME, POINTS[1])
        back = LogLikelihood.from_answer(through_json(found.to_answer()))
        assert back.value == found.value
        np.testing.assert_array_equal(back.gradient, found.gradient)
        np.testing.assert_array_equal(back.hessian, found.hessian)


class TestDerivatives:
    @pytest.mark.parametrize("ridge", [0.0, 2.5])
    @pytest.mark.parametrize("point", POINTS)
    def test_are_those_of_finite_differences(
        self, point: npt.NDArray[np.float64], ridge: float
    ) -> None:
        def at(where: npt.NDArray[np.float64]) -> LogLikelihood:
            return evaluate(DESIGN, OUTCOME, where).penalised(where, ridge)

        found = at(point)
        step = 1e-5
        pairs = [(at(point + step * unit), at(point - step * unit)) for unit in np.eye(4)]
        gradient = [(up.value - down.value) / (2 * step) for up, down in pairs]
        hessian = [(up.gradient - down.gradient) / (2 * step) for up, down in pairs]
        np.testing.assert_allclose(found.gradient, gradient, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(found.hessian, hessian, rtol=1e-7, atol=1e-7)

    def test_the_intercept_is_not_penalised(self) -> None:
        plain = LogLikelihood(0.0, np.zeros(3), np.zeros((3, 3)))
        found = plain.penalised(np.array([100.0, 2.0, -1.0]), 3.0)
        assert found.value == -7.5
        np.testing.assert_array_equal(found.gradient, [0.0, -6.0, 3.0])
        np.testing.assert_array_equal(found.hessian, np.diag([0.0, -3.0, -3.0]))

    @pytest.mark.parametrize(
        ("predictor", "value", "gradient"),
        [(-800.0, -800.0, 1.0), (0.0, -np.log(2), 0.5), (800.0, 0.0, 0.0)],
    )
    def test_far_margins_do_not_overflow(
        self, predictor: float, value: float, gradient: float
    ) -> None:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            found = evaluate(np.ones((1, 1)), np.ones(1), np.array([predictor]))
            mirrored = evaluate(np.ones((1, 1)), np.zeros(1), np.array([-predictor]))
        assert found.value == pytest.approx(value, abs=1e-15)
        assert found.gradient[0] == pytest.approx(gradient, abs=1e-15)
        assert mirrored.value == found.value
        assert mirrored.gradient[0] == -found.gradient[0]

    def test_small_probabilities_keep_their_digits(self) -> None:
        found = evaluate(np.ones((1, 1)), np.ones(1), np.array([40.0]))
        assert found.value == pytest.approx(-np.exp(-40), rel=1e-12)
        assert found.gradient[0] == pytest.approx(np.exp(-40), rel=1e-12)
        assert found.hessian[0, 0] == pytest.approx(-np.exp(-40), rel=1e-12)


class TestOriginalScale:
    def test_gives_the_same_predictions(self) -> None:
        original = to_original_scale(POINTS[1], VALUES.mean(0), VALUES.std(0))
        np.testing.assert_allclose(original[0] + VALUES @ original[1:], DESIGN @ POINTS[1])


class TestNewton:
    def test_solves_a_quadratic_in_one_step(self) -> None:
        curvature = np.array([[2.0, 0.5], [0.5, 1.0]])
        top = np.array([3.0, -1.0])

        def evaluate(_: int, at: npt.NDArray[np.float64]) -> LogLikelihood:
            away = at - top
            return LogLikelihood(-0.5 * away @ curvature @ away, -curvature @ away, -curvature)

        found = maximise(evaluate, 2, tolerance=1e-10, max_rounds=5)
        assert found.converged
        assert found.rounds == 2
        np.testing.assert_allclose(found.coefficients, top)

    def test_halves_a_step_that_makes_the_function_fall(self) -> None:
        asked = []

        def evaluate(number: int, at: npt.NDArray[np.float64]) -> LogLikelihood:
            """A hyperbola with its top at 3: from 0, whole Newton steps run away from it."""
            asked.append((number, float(at[0])))
            away = at - 3.0
            root = np.sqrt(1.0 + away**2)
            return LogLikelihood(-float(root[0]), -away / root, -np.diag(root**-3))

        found = maximise(evaluate, 1, tolerance=1e-10, max_rounds=50)
        assert found.converged
        np.testing.assert_allclose(found.coefficients, [3.0], atol=1e-10)
        # The first step is 3 + 27: as far again on the other side, and more.
        assert [at for _, at in asked[:4]] == pytest.approx([0.0, 30.0, 15.0, 7.5])
        assert [number for number, _ in asked] == list(range(1, found.rounds + 1))

    def test_does_not_take_rounding_for_a_fall(self) -> None:
        def evaluate(_: int, at: npt.NDArray[np.float64]) -> LogLikelihood:
            away = at - 1.0
            return LogLikelihood(-100.0 - 1e-12 * float(at[0]), -away, -np.eye(1))

        found = maximise(evaluate, 1, tolerance=1e-10, max_rounds=9)
        assert found.converged
        assert found.rounds == 2

    def test_gives_the_best_when_the_rounds_are_used_up_by_halving(self) -> None:
        def evaluate(_: int, at: npt.NDArray[np.float64]) -> LogLikelihood:
            return LogLikelihood(-float(at[0] != 0), np.ones(1), -np.eye(1))

        found = maximise(evaluate, 1, tolerance=1e-10, max_rounds=4)
        assert not found.converged
        assert found.value == 0
        np.testing.assert_array_equal(found.coefficients, [0.0])

    def test_names_the_remedy_if_there_is_no_single_maximum(self) -> None:
        flat = LogLikelihood(0.0, np.ones(2), np.zeros((2, 2)))
        with pytest.raises(ArithmeticError, match="ridge above 0"):
            maximise(lambda *_: flat, 2, tolerance=1e-10, max_rounds=4)
