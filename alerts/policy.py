"""What an operator decides about alerts: what energy is worth, how long they may wait, by which server mail goes."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.worth import Rates
from config.factors import factors
from config.mail import MailServer
from config.patience import Patience
from config.prices import prices
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """One for a process; `mail` None: no mail goes out."""

    rates: Rates
    patience: Patience
    mail: MailServer | None

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """Raises ConfigError for files of factors or prices that cannot be used."""
        rates = Rates(factors(settings.factors), prices(settings.prices))
        return cls(rates, settings.patience, settings.mail_server)
