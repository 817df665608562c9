"""Every profile decodes its golden images: `tests/golden/<profile>/*.toml`, made without the project's own code."""

import tomllib
from pathlib import Path

import pytest

from config.profile import Example, Profile
from config.profilefiles import profiles
from protocols.example import mismatches
from protocols.plan import plan

GOLDEN = Path(__file__).parent.parent / "golden"
PROFILES = profiles()


def examples(profile: Profile) -> dict[str, Example]:
    files = sorted((GOLDEN / profile.name).glob("*.toml"))
    return {file.name: Example.model_validate(tomllib.loads(file.read_text("utf-8"))) for file in files}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_profile_decodes_its_golden_images(profile: Profile) -> None:
    found = examples(profile)
    assert found, f"profile {profile.name} has no folder in tests/golden: add an image and what it means"
    for name, example in found.items():
        assert list(mismatches(profile, example)) == [], name
    assert {quantity for one in found.values() for quantity in one.expect} == set(profile.quantities)
    assert {quantity for one in found.values() for quantity in one.absent} == set(profile.quantities)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_profile_is_planned_and_survives_the_registry(profile: Profile) -> None:
    assert {r.quantity for block in plan(profile) for r in block.registers} == set(profile.quantities)
    assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert len(profile.source) > 20


def test_golden_folders_belong_to_profiles() -> None:
    assert {folder.name for folder in GOLDEN.iterdir() if folder.is_dir()} == set(PROFILES)
