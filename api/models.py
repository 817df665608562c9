"""The shapes of answers. Lists pass through these; series are ready bytes, and these only document them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, StringConstraints

T = TypeVar("T")
Word = Literal["measured", "edited", "estimated", "suspect", "missing"]

Starts = Annotated[list[datetime], Field(description="Starts of the buckets, in the zone's time, with offset")]
Numbers = Annotated[list[float | None], Field(description="null: there is no value")]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
"""What somebody has to say about what they do: more than blanks."""
Words = Annotated[
    list[Word],
    Field(
        description="The worst of what the bucket is made of. `missing`: not everything that should be there is; the "
        "value is then the sum of what is there, or null"
    ),
]
Expected = Annotated[list[int], Field(description="Readings that should have come by now, by the schedule")]
Received = Annotated[list[int], Field(description="Readings that came")]
Estimated = Annotated[list[int], Field(description="Intervals whose value is estimated")]


class FieldError(BaseModel):
    field: str
    message: str


class ProblemAnswer(BaseModel):
    """A refusal or failure (RFC 9457). What `type` means is told at that address."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Page(BaseModel, Generic[T]):
    """A page of a list. `next`: give it as `after` to get the next page; null: this is the last."""

    items: list[T]
    next: str | None


class Session(BaseModel):
    """Who holds the key."""

    name: str
    role: Literal["admin", "operator", "enterprise", "regulator"]
    scope: str = Field(description="enterprise: its code; regulator: its region prefix; else empty")


class SignIn(BaseModel):
    key: str = Field(description="An API key", max_length=200)


class EnterpriseItem(BaseModel):
    uscc: str
    name: str
    region: str
    industry: str
    zone: str
    metering_points: int
    meters: int
    online: int = Field(description="Meters with a reading within three cadences (at least 15 minutes)")
    offline: int = Field(description="Meters of which readings are expected and that are not online")
    completeness_today: float | None = Field(
        description="Share of the readings of registers expected since midnight, in intervals that are over, that came"
    )
    open_alerts: int


class Backlog(BaseModel):
    live: int
    meters: int
    backfill: int


class Overview(BaseModel):
    """The whole as the asker sees it."""

    enterprises: int
    metering_points: int
    meters: int
    online: int
    offline: int
    online_rate: float | None
    completeness_today: float | None
    open_alerts: int
    ingest_lag_s: float | None = Field(description="Seconds from receipt to storage; null: nothing heard of yet")
    backlog: Backlog | None = Field(description="Messages not stored yet; null: the stream cannot be asked")
    watched_until: datetime | None = Field(
        description="Readings received before this were looked at for alerts; null: no watch has run yet"
    )
    items: list[EnterpriseItem]


class LastReading(BaseModel):
    time: datetime
    quantity: str
    value: float = Field(description="As the meter shows it; times `multiplier` it is the primary value")
    multiplier: float


class MeteringPointItem(BaseModel):
    id: str = Field(description="`<uscc>/<code>`")
    uscc: str
    code: str
    name: str
    carrier: str
    unit: str = Field(description="Unit of its consumption")
    level: int
    direction: Literal["import", "export", "generation", "internal"]
    boundary: bool
    virtual: bool = Field(description="Not metered: a sum of shares of others, by `formula`")
    formula: dict[str, float] | None = Field(description="Codes of metering points with their shares")
    parent: str | None
    meter: str | None = Field(description="The meter installed now")
    cadence_s: int | None
    last: LastReading | None = Field(description="Of its power or flow; of its register where there is none")
    online: bool
    open_alerts: int


class PointItem(BaseModel):
    quantity: str
    unit: str
    zh: str
    en: str
    kind: Literal["register", "instant"]
    last_time: datetime | None
    last_value: float | None
    multiplier: float


class InstallationItem(BaseModel):
    model_config = {"populate_by_name": True}

    meter: str
    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to")
    ct: float
    pt: float


class MeteringPointAnswer(MeteringPointItem):
    points: list[PointItem]
    installations: list[InstallationItem]


class MeterItem(BaseModel):
    uscc: str
    code: str
    maker: str
    model: str
    serial: str
    accuracy_class: str
    range: str
    certificate: str
    verified_until: date | None
    state: str
    profile: str
    metering_point: str | None = Field(description="Where it is installed now")
    driver: str | None
    cadence_s: int | None
    enabled: bool
    online: bool


class CarrierItem(BaseModel):
    code: str
    zh: str
    en: str
    quantity: str
    flow: str
    export: str | None
    fuel: bool = Field(description="Its net calorific value can be measured")
    unit: str


class QuantityItem(BaseModel):
    name: str
    kind: Literal["register", "instant"]
    unit: str = Field(description="Canonical unit: that of every value answered")
    zh: str
    en: str
    ratio: Literal["none", "ct", "pt", "ct*pt"] = Field(
        description="Transformer ratios that turn a secondary value into the primary one"
    )


class ProfileItem(BaseModel):
    name: str
    body: dict[str, Any]


class Buckets(BaseModel):
    value: Numbers
    quality: Words
    expected: Expected
    received: Received
    estimated: Estimated


Verified = Annotated[
    bool | Literal["second-hand"],
    Field(description="true: seen in the source itself; second-hand: seen in what cites it; false: from memory"),
]


class DatedItem(BaseModel):
    """Where something dated comes from; it is valid on the days [valid_from, valid_to) of the enterprise's zone."""

    region: list[str] = Field(description="GB/T 2260 prefixes; none: everywhere")
    edition: str
    valid_from: date
    valid_to: date | None
    published_at: date | None
    source: str
    verified: Verified


class FactorItem(DatedItem):
    carrier: str
    kind: Literal["coal", "co2"]
    basis: str
    year: int | None = Field(description="The year of the data behind it")
    value: float
    unit: str
    calorific_value: float | None = Field(description="kJ per what `value` is per, that a factor of CO2 rests on")


class PriceItem(DatedItem):
    carrier: str
    value: float
    unit: str


class UsedFactor(FactorItem):
    """A factor used in an answer, for what starts on the days [used_from, used_to); null: to the span's end."""

    used_from: date
    used_to: date | None
    provisional: bool = Field(description="The factor of that year was not published yet; that of an earlier is used")


class TariffItem(DatedItem):
    name: str


Held = Annotated[datetime, Field(description="Ask again with this `as_of` and the answer is the same")]
Used = Annotated[list[UsedFactor], Field(description="With a derived unit only: the factors used")]


class MeteringPointHead(BaseModel):
    metering_point: str
    quantity: str
    unit: str
    interval: str = Field(description="As asked, or the metering point's own (`1h`, `24h` …) where that is longer")
    zone: str
    as_of: Held
    factors: Used = []
    start: Starts


class Consumption(MeteringPointHead, Buckets):
    """Consumption of a metering point; all arrays are equally long."""


class PeriodConsumption(Buckets):
    key: Literal["sharp", "peak", "flat", "valley", "deep_valley"]
    zh: str
    en: str


class TariffConsumption(MeteringPointHead):
    """With `group_by=tariff`: a series per tariff period, all with the buckets of `start`, and the plans behind."""

    tariffs: list[TariffItem]
    series: list[PeriodConsumption]


class GroupConsumption(Buckets):
    key: str
    zh: str
    en: str
    carrier: str = Field(description="Empty for the total of several carriers")
    unit: str


class GroupedConsumption(BaseModel):
    """Consumption of an enterprise or region: a series per group, all with the buckets of `start`."""

    interval: str
    zone: str
    as_of: Held
    factors: Used = []
    start: Starts
    series: list[GroupConsumption]


class BalanceItem(BaseModel):
    """A metering point with others below it; all arrays are as long as `start`."""

    key: str
    name: str
    carrier: str
    unit: str
    own: Numbers
    children: Numbers = Field(description="What those directly below add up to; generation there counts −")
    difference: Numbers = Field(description="own − children: losses, and what is not metered")
    loss: Numbers = Field(description="difference / own, where own is above 0")
    quality: Words
    expected: Expected
    received: Received
    estimated: Estimated


class Balance(BaseModel):
    """Energy balance: a series per metering point that has others of its carrier below it."""

    interval: str
    zone: str
    as_of: Held
    start: Starts
    series: list[BalanceItem]


class Readings(BaseModel):
    """Readings as the meter shows them; times `multiplier` they are primary values."""

    quantity: str
    unit: str
    multiplier: float = Field(description="In force at the end of the span")
    time: list[datetime]
    value: list[float]
    flags: list[int] = Field(description="Bits: 1 back-filled, 2 sender's clock, 4 declared zone")


class Reading(BaseModel):
    """One reading: of a meter or of a metering point, in the meter's own (secondary) values."""

    uscc: str = Field("", description="The enterprise; an enterprise's own key need not give it")
    meter: str = Field("", description="The meter's code, or")
    metering_point: str = Field("", description="the metering point's code")
    quantity: str
    time: datetime = Field(description="ISO 8601 with offset; not before 2000, at most 5 minutes ahead")
    value: float
    unit: str = Field("", description="Default: the quantity's own")


class RefusedRow(BaseModel):
    row: int = Field(description="Counted from 1")
    reason: str


class PushAnswer(BaseModel):
    """What became of a push. What is accepted is durable."""

    accepted: int
    refused: int
    rows: list[RefusedRow] = Field(description="The refused rows only")


class InstrumentItem(BaseModel):
    """A meter as an instrument 计量器具; it stands at `metering_point` now, null: nowhere."""

    uscc: str
    enterprise: str = Field(description="The enterprise's name")
    code: str = Field(description="The unit's own number 管理编号")
    name: str
    category: str = Field(description="Kind of instruments: its own, or the usual one of the carrier it measures")
    category_zh: str
    category_en: str
    maker: str
    model: str
    serial: str
    accuracy_class: str
    range: str
    place: str
    purpose: str
    certificate: str
    verified_on: date | None
    verification_months: int | None
    verified_until: date | None
    verification: Literal["in_date", "expired", "unknown"]
    days_left: int | None = Field(description="Until the verification ends; negative: it has ended")
    state: Literal["qualified", "limited", "out_of_use"]
    metering_point: str | None
    metering_point_name: str | None
    carrier: str | None
    level: int | None
    required_class: str | None


class EditionItem(BaseModel):
    edition: str = Field(description="In force on the day asked about")
    valid_from: date
    valid_to: date | None
    figures: str = Field(description="The edition whose figures are used")
    source: str


class RateItem(BaseModel):
    """The equipping rate of a kind of energy at a level (1 unit, 2 sub-unit, 3 equipment), in %."""

    energy: str
    zh: str
    en: str
    level: int
    needed: int
    installed: int
    rate: float
    demanded: float
    meets: bool
    edition: str
    source: str
    verified: Verified


class LimitItem(BaseModel):
    zh: str
    en: str
    accuracy_class: str


class ClassCount(BaseModel):
    accuracy_class: str = Field(description="`?`: none is registered")
    count: int


class AccuracyItem(BaseModel):
    """Instruments of a kind by accuracy class; `unknown`: no class, or no limit, is known."""

    category: str
    zh: str
    en: str
    limits: list[LimitItem]
    total: int
    classes: list[ClassCount]
    meets: int
    fails: int
    unknown: int
    edition: str
    source: str
    verified: Verified


class VerificationCount(BaseModel):
    """Verification coverage in %: instruments in date of all in use."""

    total: int
    in_date: int
    expired: int
    unknown: int
    coverage: float | None


class UnequippedItem(BaseModel):
    code: str
    name: str
    carrier: str
    level: int


class Equipping(BaseModel):
    """How well an enterprise is equipped with instruments, against the edition of GB 17167 in force."""

    edition: EditionItem
    rates: list[RateItem]
    unequipped: list[UnequippedItem] = Field(description="Metering points that must have a meter and have none in use")
    accuracy: list[AccuracyItem]
    verification: VerificationCount


class ProofItem(BaseModel):
    """One day: `intervals` = `register` - `open` + `allocated` + `edited` + `difference`, after CT and PT."""

    day: date
    register_: float = Field(alias="register", description="What the register counted")
    open: float = Field(
        description="Part of it that is in no interval's value: in doubt, or not known to an interval's end"
    )
    allocated: float = Field(description="What the estimate of a gap puts on this day, taken from its other days")
    edited: float = Field(description="What people set or had estimated, less what the register counted meanwhile")
    intervals: float = Field(description="The sum of the intervals")
    difference: float = Field(description="What nothing explains; must be 0")
    intervals_wrong: int = Field(description="Stored intervals that do not follow from the readings")
    rollups_wrong: int = Field(description="Stored hours and days that are not the sums of their intervals")
    sound: bool = Field(description="There is no difference and nothing is wrong")
    checked: datetime
    stale: bool = Field(description="Intervals of the day have changed since; it is proved again within minutes")


class Proofs(BaseModel):
    metering_point: str
    quantity: str
    unit: str
    zone: str
    days: list[ProofItem]
