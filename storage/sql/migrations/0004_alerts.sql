-- Gaps, alerts and their notifications.

create table gap (
    id bigint generated always as identity primary key,
    point_id integer not null references point,
    from_time timestamptz not null,
    to_time timestamptz,
    cause text not null,
    state text not null default 'open' check (state in ('open', 'closed')),
    missing integer not null default 0,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_by text not null default ''
);
comment on column gap.from_time is 'when the first missing reading was due';
comment on column gap.to_time is 'when the next reading came; null while nothing has come';
create index gap_open on gap (point_id) where state = 'open';
create index gap_range on gap (point_id, from_time);

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
comment on column alert.key is 'episode key: rule, subject; one live alert per key';
create unique index alert_live on alert (key) where state in ('open', 'acknowledged');
create index alert_enterprise on alert (enterprise_id, opened_at desc);

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
    secret text not null default '',
    min_severity text not null default 'warning',
    enabled boolean not null default true
);

create table notification (
    id bigint generated always as identity primary key,
    alert_id bigint not null references alert,
    webhook_id integer not null references webhook,
    event text not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    attempts integer not null default 0,
    next_attempt timestamptz not null default now(),
    last_error text not null default '',
    created timestamptz not null default now(),
    sent timestamptz
);
create index notification_waiting on notification (next_attempt) where state = 'waiting';
