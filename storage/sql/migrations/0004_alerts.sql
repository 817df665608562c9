-- Gaps and alerts.

create table gap (
    id bigint generated always as identity primary key,
    point_id integer not null references point,
    from_time timestamptz not null,
    to_time timestamptz,
    cadence_s integer not null check (cadence_s > 0),
    cause text not null,
    state text not null default 'open' check (state in ('open', 'closed')),
    missing integer not null default 0,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_by text not null default '',
    check (to_time is null or to_time > from_time)
);
comment on column gap.from_time is 'when the first missing reading was due';
comment on column gap.to_time is 'when the next reading came or readings were no longer expected; null while nothing has come';
comment on column gap.state is 'open: the data are still missing, also when later readings came; closed: filled by readings';
comment on column gap.missing is 'readings missing in [from_time, to_time); not kept while to_time is null: it grows with the clock';
create index gap_open on gap (point_id, from_time) where state = 'open';
create index gap_point on gap (point_id);

-- How far readings have been looked at for holes; one row, kept by the active watch.
create table watched (
    one boolean primary key default true check (one),
    until timestamptz not null
);
comment on column watched.until is 'readings received before this have been looked at; a new watch looks at what came since';

-- While it lasts, alerts of a place are recorded but not told: planned work, or what was found to be a false alarm.
create table suppression (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('maintenance', 'exception')),
    enterprise_id integer not null references enterprise,
    address text not null default '',
    metering_point_id integer references metering_point,
    key text not null default '',
    from_time timestamptz not null,
    to_time timestamptz not null,
    reason text not null,
    actor text not null,
    at timestamptz not null default now(),
    revoked_at timestamptz,
    revoked_by text not null default '',
    check (to_time > from_time),
    check ((kind = 'exception') = (key <> ''))
);
comment on column suppression.address is 'only what is connected there, as alerts show it (without password); empty: anywhere';
comment on column suppression.key is 'of an exception: the rule and subject of the alert that was dismissed';
create index suppression_enterprise on suppression (enterprise_id) where revoked_at is null;

create view planned_gap as
select point.id as point_id, suppression.from_time, suppression.to_time
from suppression
join metering_point on metering_point.enterprise_id = suppression.enterprise_id
    and (suppression.metering_point_id is null or suppression.metering_point_id = metering_point.id)
join point on point.metering_point_id = metering_point.id
where suppression.kind = 'maintenance' and suppression.revoked_at is null and (
    suppression.address = '' or exists (
        select from installation
        join connection on connection.meter_id = installation.meter_id
        where installation.metering_point_id = metering_point.id
            and installation.valid_from < suppression.to_time
            and (installation.valid_to is null or installation.valid_to > suppression.from_time)
            and suppression.address = regexp_replace(connection.address, '(://[^:/@]*):[^/]*@', '\1:***@')
    )
);
comment on view planned_gap is 'gaps of this point that begin in [from_time, to_time) are planned';

create table alert (
    id bigint generated always as identity primary key,
    key text not null,
    rule text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    enterprise_id integer not null references enterprise,
    metering_point_id integer references metering_point,
    meter_id integer references meter,
    address text not null default '',
    onset timestamptz not null,
    ended timestamptz,
    back_since timestamptz,
    reopened integer not null default 0,
    state text not null default 'open'
        check (state in ('open', 'acknowledged', 'resolved', 'dismissed', 'suppressed')),
    suppression_id bigint references suppression,
    assignee text not null default '',
    opened_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    waiting_since timestamptz not null default now(),
    acknowledged_at timestamptz,
    reminded_at timestamptz,
    escalated_at timestamptz,
    closed_at timestamptz,
    amount double precision,
    tce double precision,
    money double precision,
    zh text not null,
    en text not null,
    evidence jsonb not null default '{}'
);
comment on column alert.key is 'rule and subject; with the onset it names the episode. One running episode per key';
comment on column alert.address is 'of the device or gateway, without password; empty: none';
comment on column alert.ended is 'when the episode was over; null while it runs, whatever people did with the alert';
comment on column alert.back_since is 'onset of the stretch that runs, where the episode has come back soon after its end';
comment on column alert.waiting_since is 'since when it has stood open: opened, reopened or no longer suppressed';
comment on column alert.amount is 'energy at stake, in the canonical unit of the metering point''s carrier; null: unknown';
comment on column alert.money is 'CNY';
create unique index alert_running on alert (key) where ended is null;
create index alert_key on alert (key, id);
create index alert_enterprise on alert (enterprise_id, id);
create index alert_live on alert (id) where state in ('open', 'acknowledged');

create view alert_item as
select
    alert.id, alert.key, alert.rule, alert.severity, enterprise.uscc, enterprise.name as enterprise, enterprise.zone,
    enterprise.region, metering_point.code as metering_point, metering_point.carrier, meter.code as meter,
    alert.onset, alert.ended, alert.reopened, alert.state, alert.assignee, alert.opened_at, alert.updated_at,
    alert.amount, alert.tce, alert.money, alert.suppression_id, alert.zh, alert.en, alert.evidence
from alert
join enterprise on enterprise.id = alert.enterprise_id
left join metering_point on metering_point.id = alert.metering_point_id
left join meter on meter.id = alert.meter_id;
comment on view alert_item is 'an alert as it is listed and told to others';

create table alert_event (
    id bigint generated always as identity primary key,
    alert_id bigint not null references alert,
    at timestamptz not null default now(),
    actor text not null,
    action text not null,
    note text not null default ''
);
create index alert_event_alert on alert_event (alert_id);
