"""How many examples property tests try: in `make unit` an eighth of what every other run tries."""

from hypothesis import settings

WHOLE, FEW = 100, 12


def register_profiles() -> None:
    """Profiles of hypothesis, without a deadline: the machine may be busy with other tests."""
    settings.register_profile("whole", max_examples=WHOLE, deadline=None)
    settings.register_profile("few", max_examples=FEW, deadline=None)
    settings.load_profile("whole")


def examples(whole: int) -> int:
    """For tests that need more or can afford fewer than usual: how many to try, of `whole` in the whole run."""
    usual = settings.get_profile(settings.get_current_profile_name()).max_examples
    return max(whole * usual // WHOLE, 1)
