"""The data set, its split over the hospitals, reading it, and what a hospital refuses."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from logistic_regression import demo, moments, newton_step
from logistic_regression.hospital import DATABASE, MINIMUM_PATIENTS
from logistic_regression.patients import read_patients
from logistic_regression.split import split

CANARY = "8675309.5"


def write(path: Path, lines: list[str], header: str = "a,b,malignant") -> Path:
    path.write_text("\n".join([header, *lines, ""]))
    return path


class TestData:
    def test_is_the_data_set_as_it_is_described(self) -> None:
        patients = read_patients(demo.SOURCE)
        assert patients.values.shape == (569, 30)
        assert (patients.outcome == 1).sum() == 212
        assert (patients.outcome == 0).sum() == 357
        means = dict(zip(patients.features, patients.values.mean(0), strict=True))
        assert means["radius_mean"] == pytest.approx(14.127, abs=5e-4)
        worst = patients.values[:, patients.features.index("area_worst")]
        assert (worst.min(), worst.max()) == (185.2, 4254.0)

    def test_malignant_tumours_are_the_larger_ones(self) -> None:
        patients = read_patients(demo.SOURCE)
        radius = patients.values[:, 0]
        assert radius[patients.outcome == 1].mean() == pytest.approx(17.46, abs=0.01)
        assert radius[patients.outcome == 0].mean() == pytest.approx(12.15, abs=0.01)


class TestSplit:
    def test_is_unequal_disjoint_and_complete(self, databases: list[dict[str, Path]]) -> None:
        header, *lines = demo.SOURCE.read_text().splitlines()
        files = [database["default"].read_text().splitlines() for database in databases]
        assert [file[0] for file in files] == [header] * 4
        assert [len(file) - 1 for file in files] == [256, 171, 96, 46]
        # As text: not one digit differs. All 569 lines are different, so nobody is there twice.
        assert sorted(line for file in files for line in file[1:]) == sorted(lines)
        assert len(set(lines)) == 569

    def test_is_the_same_on_every_machine(self, databases: list[dict[str, Path]]) -> None:
        digests = [
            hashlib.sha256(database["default"].read_bytes()).hexdigest()[:12]
            for database in databases
        ]
        assert digests == ["c5d96811baa3", "08e4b14b258c", "2321321b9af1", "857d4579fea9"]

    def test_depends_on_the_seed(self, tmp_path: Path) -> None:
        first = split(demo.SOURCE, tmp_path / "one", seed=1)[3].read_text()
        assert split(demo.SOURCE, tmp_path / "again", seed=1)[3].read_text() == first
        assert split(demo.SOURCE, tmp_path / "two", seed=2)[3].read_text() != first

    @pytest.mark.parametrize("shares", [(0.5, 0.4), (1.2, -0.2), (1.0, 0.0), ()])
    def test_refuses_shares_that_are_none(self, shares: tuple[float, ...], tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="shares"):
            split(demo.SOURCE, tmp_path, shares)

    def test_refuses_to_leave_a_hospital_empty(self, tmp_path: Path) -> None:
        source = write(tmp_path / "small.csv", ["1,2,0", "3,4,1"])
        with pytest.raises(ValueError, match="too few"):
            split(source, tmp_path, (0.4, 0.3, 0.3))


class TestReading:
    def test_the_outcome_may_be_any_column(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.csv", ["1,0,2", "3,1,4"], header="a,malignant,b")
        patients = read_patients(path)
        assert patients.features == ["a", "b"]
        np.testing.assert_array_equal(patients.values, [[1, 2], [3, 4]])
        np.testing.assert_array_equal(patients.outcome, [0, 1])

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            (f"{CANARY}x,2,0", "'a' holds something else"),
            (f"{CANARY},,0", "'b' holds something else"),
            (f"{CANARY},inf,0", "'b' holds something else"),
            (f"{CANARY},2#1,0", "'b' holds something else"),
            (f"{CANARY},2,{CANARY}", "'malignant' holds something else than 0 and 1"),
            (f"{CANARY},2", "3 columns"),
            (f"{CANARY},2,0,1", "3 columns"),
        ],
    )
    def test_says_what_is_wrong_without_showing_it(
        self, line: str, message: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "wrong.csv", ["1,2,0", line])
        with pytest.raises(ValueError, match=message) as caught:
            read_patients(path)
        assert CANARY not in str(caught.value)
        assert caught.value.__context__ is None

    def test_needs_the_outcome(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="no column named 'malignant'"):
            read_patients(write(tmp_path / "none.csv", ["1,2"], header="a,b"))


class TestGuard:
    lines = tuple(f"{CANARY},{number},{number % 2}" for number in range(MINIMUM_PATIENTS))

    @pytest.mark.parametrize("missing", [1, MINIMUM_PATIENTS])
    def test_a_hospital_with_few_patients_does_not_answer(
        self, missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path / "few.csv", list(self.lines[missing:]))
        monkeypatch.setenv(DATABASE, str(path))
        for ask in (moments, lambda: newton_step([0.0] * 3, [0.0] * 2, [1.0] * 2)):
            with pytest.raises(ValueError, match="fewer than 10 patients") as caught:
                ask()
            assert CANARY not in str(caught.value)
            assert str(MINIMUM_PATIENTS - missing) not in str(caught.value).replace("10", "")

    def test_a_hospital_with_just_enough_answers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(DATABASE, str(write(tmp_path / "enough.csv", list(self.lines))))
        assert moments()["count"] == MINIMUM_PATIENTS
        assert moments()["malignant"] == 5

    def test_coefficients_must_fit_the_features(
        self, databases: list[dict[str, Path]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(DATABASE, str(databases[0]["default"]))
        with pytest.raises(ValueError, match="30 features need 31 coefficients"):
            newton_step([0.0] * 30, [0.0] * 30, [1.0] * 30)

    def test_names_the_database_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(DATABASE, raising=False)
        with pytest.raises(ValueError, match="DEFAULT_DATABASE_URI is not set"):
            moments()
