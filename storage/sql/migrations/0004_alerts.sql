-- Gaps, alerts and their notifications.

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

create table alert (
    id bigint generated always as identity primary key,
    key text not null,
    rule text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    enterprise_id integer not null references enterprise,
    metering_point_id integer references metering_point,
    meter_id integer references meter,
    onset timestamptz not null,
    ended timestamptz,
    state text not null default 'open' check (state in ('open', 'acknowledged', 'resolved', 'dismissed')),
    opened_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    closed_at timestamptz,
    zh text not null,
    en text not null,
    evidence jsonb not null default '{}'
);
comment on column alert.key is 'rule and subject; with the onset it names the episode. One running episode per key';
comment on column alert.ended is 'when the episode was over; null while it runs, whatever people did with the alert';
create unique index alert_running on alert (key) where ended is null;
create index alert_enterprise on alert (enterprise_id, id);
create index alert_live on alert (id) where state in ('open', 'acknowledged');

create view alert_item as
select
    alert.id, alert.rule, alert.severity, enterprise.uscc, enterprise.name as enterprise, enterprise.zone,
    enterprise.region, metering_point.code as metering_point, meter.code as meter, alert.onset, alert.ended, alert.state,
    alert.opened_at, alert.updated_at, alert.zh, alert.en, alert.evidence
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

create table webhook (
    id integer generated always as identity primary key,
    name text not null unique,
    url text not null,
    secret text not null,
    min_severity text not null default 'warning' check (min_severity in ('info', 'warning', 'critical')),
    enabled boolean not null default true
);

-- One POST to one webhook, about one or many alerts.
create table notification (
    id bigint generated always as identity primary key,
    webhook_id integer not null references webhook on delete cascade,
    body jsonb not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    attempts integer not null default 0,
    next_attempt timestamptz not null default now(),
    last_error text not null default '',
    created timestamptz not null default now(),
    sent timestamptz
);
create index notification_waiting on notification (next_attempt) where state = 'waiting';
create index notification_webhook on notification (webhook_id, created);

-- What a webhook is to be told; notification_id null until it is put into a notification.
create table notification_item (
    alert_id bigint not null references alert,
    webhook_id integer not null references webhook on delete cascade,
    event text not null check (event in ('opened', 'resolved')),
    created timestamptz not null default now(),
    notification_id bigint references notification on delete cascade,
    primary key (alert_id, webhook_id, event)
);
create index notification_item_waiting on notification_item (webhook_id) where notification_id is null;
create index notification_item_notification on notification_item (notification_id);
