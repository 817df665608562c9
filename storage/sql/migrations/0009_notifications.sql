-- Who is told of alerts, how, and what became of it.

create table target (
    id integer generated always as identity primary key,
    name text not null unique,
    kind text not null check (kind in ('webhook', 'mail', 'wecom', 'dingtalk', 'feishu')),
    address text not null,
    secret text not null default '',
    min_severity text not null default 'warning' check (min_severity in ('info', 'warning', 'critical')),
    enterprise_id integer references enterprise,
    language text not null default 'zh' check (language in ('zh', 'en')),
    digest text not null default 'immediately' check (digest ~ '^(immediately|hourly|daily [0-2][0-9]:[0-5][0-9])$'),
    zone text not null default 'Asia/Shanghai',
    escalations_only boolean not null default false,
    enabled boolean not null default true
);
comment on column target.address is 'of a webhook or robot its URL, which is itself a secret; else mail addresses, with commas';
comment on column target.enterprise_id is 'only alerts of this one; null: of all';
comment on column target.zone is 'whose clock `daily` means';
comment on column target.escalations_only is 'told of what nobody has acknowledged in time, and of its end';

-- One message to one target, about one or many alerts.
create table notification (
    id bigint generated always as identity primary key,
    target_id integer not null references target on delete cascade,
    body jsonb not null,
    test boolean not null default false,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'given_up')),
    attempts integer not null default 0,
    next_attempt timestamptz not null default now(),
    last_error text not null default '',
    created timestamptz not null default now(),
    sent timestamptz
);
comment on column notification.test is 'asked for by somebody who waits for it: tried once';
create index notification_waiting on notification (next_attempt) where state = 'waiting';
create index notification_target on notification (target_id, created);

-- What a target is to be told; notification_id null until it is put into a notification.
create table notification_item (
    id bigint generated always as identity primary key,
    alert_id bigint not null references alert,
    target_id integer not null references target on delete cascade,
    event text not null check (event in ('opened', 'reopened', 'reminded', 'escalated', 'assigned', 'resolved')),
    due timestamptz not null,
    notification_id bigint references notification on delete cascade
);
comment on column notification_item.due is 'not to be told before: what may come back is told as resolved only when it stays away';
create unique index notification_item_waiting on notification_item (target_id, alert_id, event)
    where notification_id is null;
create index notification_item_alert on notification_item (alert_id, target_id, id);
create index notification_item_notification on notification_item (notification_id);
