"""The whole federated regression against the same regression on all patients together."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from logistic_regression import demo
from logistic_regression.patients import read_patients
from logistic_regression.pooled import fit_pooled
from logistic_regression.split import split

from .in_process import InProcessClient, fit

# scikit-learn 1.9.1 on the standardized features of all 569 patients:
# LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-14), intercept first.
SCIKIT_LEARN = [
    -0.214502717402, 0.363092531918, 0.387675442419, 0.35106211868, 0.435609803286,
    0.161831102815, -0.562654033698, 0.859917119592, 0.962280223488, -0.076209031479,
    -0.322226236949, 1.29094228967, -0.268921901388, 0.659974596562, 1.01255773218,
    0.277212958904, -0.736324012797, -0.110539320781, 0.333407618883, -0.295793025903,
    -0.680919673058, 1.02926226165, 1.31460763445, 0.823347382577, 1.01070683211,
    0.670681962777, -0.0445642517874, 0.873333916522, 0.912003121932, 0.887837324307,
    0.479818908043,
]  # fmt: skip


def coefficients(scale: dict[str, Any]) -> npt.NDArray[np.float64]:
    return np.array([scale["intercept"], *scale["coefficients"]])


@pytest.fixture(scope="module")
def files(databases: list[dict[str, Path]]) -> list[Path]:
    return [database["default"] for database in databases]


@pytest.fixture(scope="module")
def client(files: list[Path]) -> InProcessClient:
    return InProcessClient(files)


@pytest.fixture(scope="module")
def result(client: InProcessClient) -> dict[str, Any]:
    return fit(client)


class TestFit:
    def test_equals_the_pooled_fit(self, result: dict[str, Any], files: list[Path]) -> None:
        pooled = fit_pooled(files)
        assert result["features"] == pooled.features
        np.testing.assert_allclose(
            coefficients(result["standardized"]), pooled.standardized, rtol=0, atol=1e-8
        )
        np.testing.assert_allclose(
            coefficients(result["original"]), pooled.original, rtol=0, atol=1e-8
        )

    def test_equals_what_scikit_learn_finds(self, result: dict[str, Any]) -> None:
        found = coefficients(result["standardized"])
        np.testing.assert_allclose(found, SCIKIT_LEARN, rtol=0, atol=1e-10)

    def test_the_penalised_score_is_zero_at_the_coefficients(self, result: dict[str, Any]) -> None:
        patients = read_patients(demo.SOURCE)
        standardized = (patients.values - patients.values.mean(0)) / patients.values.std(0)
        found = coefficients(result["standardized"])
        predictor = found[0] + standardized @ found[1:]
        residual = patients.outcome - 1 / (1 + np.exp(-predictor))
        assert abs(residual.sum()) < 1e-9
        np.testing.assert_allclose(standardized.T @ residual, found[1:], rtol=0, atol=1e-9)
        probability = np.abs(patients.outcome - 1 + 1 / (1 + np.exp(-predictor)))
        assert result["log_likelihood"] == pytest.approx(np.log(probability).sum(), rel=1e-10)
        assert result["penalised_log_likelihood"] == pytest.approx(
            np.log(probability).sum() - (found[1:] ** 2).sum() / 2, rel=1e-10
        )

    def test_both_scales_predict_the_same(self, result: dict[str, Any]) -> None:
        values = read_patients(demo.SOURCE).values
        standardized = (values - values.mean(0)) / values.std(0)
        ones = np.ones((len(values), 1))
        np.testing.assert_allclose(
            np.hstack([ones, values]) @ coefficients(result["original"]),
            np.hstack([ones, standardized]) @ coefficients(result["standardized"]),
            rtol=0,
            atol=1e-9,
        )

    def test_takes_one_round_for_the_moments_and_ten_newton_rounds(
        self, client: InProcessClient, result: dict[str, Any]
    ) -> None:
        assert result["converged"] is True
        assert result["rounds"] == 10
        assert client.names == ["moments", *(f"newton {number}" for number in range(1, 11))]

    def test_counts_the_patients_of_each_hospital(self, result: dict[str, Any]) -> None:
        hospitals = result["hospitals"]
        assert [one["organization"] for one in hospitals] == [1, 2, 3, 4]
        assert [one["patients"] for one in hospitals] == [256, 171, 96, 46]
        assert sum(one["malignant"] for one in hospitals) == 212

    def test_no_answer_grows_with_the_number_of_patients(
        self, client: InProcessClient, result: dict[str, Any]
    ) -> None:
        size = 1 + len(result["features"])
        for answer in client.results[0]:
            assert set(answer) == {"features", "count", "malignant", "mean", "squares"}
            assert np.shape(answer["mean"]) == np.shape(answer["squares"]) == (size - 1,)
        for answer in [one for answers in client.results[1:] for one in answers]:
            assert set(answer) == {"log_likelihood", "gradient", "hessian"}
            assert np.shape(answer["gradient"]) == (size,)
            assert np.shape(answer["hessian"]) == (size, size)

    @pytest.mark.parametrize(
        ("shares", "seed"), [((1.0,), 1), ((0.5, 0.5), 2), ((0.03, 0.9, 0.03, 0.04), 3)]
    )
    def test_the_way_the_patients_are_divided_does_not_matter(
        self, shares: tuple[float, ...], seed: int, result: dict[str, Any], tmp_path: Path
    ) -> None:
        other = fit(InProcessClient(split(demo.SOURCE, tmp_path, shares, seed)))
        for scale in ("standardized", "original"):
            np.testing.assert_allclose(
                coefficients(other[scale]), coefficients(result[scale]), rtol=0, atol=1e-8
            )

    @pytest.mark.parametrize("ridge", [1e-4, 0.1, 30.0])
    def test_equals_the_pooled_fit_with_another_ridge(
        self, ridge: float, files: list[Path]
    ) -> None:
        found = fit(InProcessClient(files), ridge=ridge)
        assert found["converged"]
        np.testing.assert_allclose(
            coefficients(found["standardized"]),
            fit_pooled(files, ridge).standardized,
            rtol=0,
            atol=1e-8,
        )

    def test_asks_only_the_organizations_that_are_named(self, files: list[Path]) -> None:
        found = fit(InProcessClient(files), organizations=[3, 1])
        assert [one["patients"] for one in found["hospitals"]] == [96, 256]
        np.testing.assert_allclose(
            coefficients(found["standardized"]),
            fit_pooled([files[0], files[2]]).standardized,
            rtol=0,
            atol=1e-8,
        )

    def test_says_when_the_rounds_did_not_suffice(self, files: list[Path]) -> None:
        found = fit(InProcessClient(files), max_rounds=4)
        assert found["converged"] is False
        assert found["rounds"] == 4

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"ridge": -1.0}, "ridge"),
            ({"tolerance": 0.0}, "tolerance"),
            ({"max_rounds": 0}, "max_rounds"),
            ({"organizations": []}, "organizations"),
        ],
    )
    def test_refuses_what_makes_no_sense_before_asking_anyone(
        self, wrong: dict[str, Any], message: str, files: list[Path]
    ) -> None:
        client = InProcessClient(files)
        with pytest.raises(ValueError, match=message):
            fit(client, **wrong)
        assert client.names == []

    def test_refuses_hospitals_with_other_columns(self, files: list[Path], tmp_path: Path) -> None:
        other = tmp_path / "other.csv"
        other.write_text(files[1].read_text().replace("radius_mean", "radius", 1))
        with pytest.raises(ValueError, match="organization 2 are not those of organization 1"):
            fit(InProcessClient([files[0], other]))

    def test_refuses_a_feature_that_is_the_same_everywhere(self, tmp_path: Path) -> None:
        path = tmp_path / "constant.csv"
        path.write_text("a,b,malignant\n" + "".join(f"{i},7,{i % 2}\n" for i in range(20)))
        with pytest.raises(ValueError, match="'b' is the same"):
            fit(InProcessClient([path]))


class TestSeparability:
    """The data are linearly separable, so without a ridge there is nothing to converge to."""

    def test_a_hyperplane_separates_the_tumours(self, files: list[Path]) -> None:
        found = fit(InProcessClient(files), ridge=0.0)
        patients = read_patients(demo.SOURCE)
        plane = coefficients(found["original"])
        margins = (2 * patients.outcome - 1) * (plane[0] + patients.values @ plane[1:])
        # Positive for every patient: this is the proof, whatever way the plane was found.
        assert margins.min() > 1.0
        # So the likelihood grows along this ray for ever, towards the 1 that it never reaches.
        along = [-np.logaddexp(0, -factor * margins).sum() for factor in (0.5, 1, 2, 4, 8)]
        assert all(before < after < 0 for before, after in pairwise(along))
        assert along[-1] > -1e-20

    def test_without_a_ridge_the_coefficients_grow_and_it_does_not_converge(
        self, files: list[Path]
    ) -> None:
        fits = [fit(InProcessClient(files), ridge=0.0, max_rounds=n) for n in (10, 15, 20, 25)]
        largest = [np.abs(coefficients(one["standardized"])).max() for one in fits]
        assert not any(one["converged"] for one in fits)
        assert largest == sorted(largest)
        assert largest[-1] > 1000
        likelihoods = [one["log_likelihood"] for one in fits]
        assert likelihoods == sorted(likelihoods)
        assert -1e-3 < likelihoods[-1] < 0


class TestReport:
    def test_shows_every_coefficient_and_that_they_agree(
        self, result: dict[str, Any], databases: list[dict[str, Path]]
    ) -> None:
        text, agree = demo.report(result, databases)
        assert agree is True
        assert max(len(line) for line in text.splitlines()) <= 100
        for name in ["intercept", *result["features"]]:
            assert sum(line.startswith(f"{name} ") for line in text.splitlines()) == 1
        assert "Equal to 1e-08" in text
        assert "converged after 10 rounds" in text

    @pytest.mark.parametrize("scale", ["standardized", "original"])
    def test_tells_a_difference(
        self, scale: str, result: dict[str, Any], databases: list[dict[str, Path]]
    ) -> None:
        slopes = result[scale]["coefficients"]
        moved = {**result[scale], "coefficients": [*slopes[:-1], slopes[-1] + 2e-8]}
        text, agree = demo.report({**result, scale: moved}, databases)
        assert agree is False
        assert "NOT equal" in text
        assert "2.0e-08" in text

    def test_does_not_accept_what_is_no_number(
        self, result: dict[str, Any], databases: list[dict[str, Path]]
    ) -> None:
        broken = {**result["standardized"], "intercept": float("nan")}
        assert demo.report({**result, "standardized": broken}, databases)[1] is False

    def test_does_not_accept_a_fit_that_did_not_converge(
        self, result: dict[str, Any], databases: list[dict[str, Path]]
    ) -> None:
        text, agree = demo.report({**result, "converged": False}, databases)
        assert agree is False
        assert "did NOT converge" in text

    def test_does_not_compare_other_features(
        self, result: dict[str, Any], databases: list[dict[str, Path]]
    ) -> None:
        other = {**result, "features": result["features"][::-1]}
        assert demo.report(other, databases)[1] is False


def test_the_pooled_fit_says_when_it_does_not_converge(files: list[Path]) -> None:
    with pytest.raises(ArithmeticError, match="larger ridge"):
        fit_pooled(files, 1e-7)
