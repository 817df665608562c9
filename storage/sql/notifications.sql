-- What webhooks are told. Instants go in as microseconds since the epoch.

-- name: notification_tell
-- Of alerts ($1) an event ($2) is to be told to whom their severity concerns. $3 now.
insert into notification_item (alert_id, webhook_id, event, due)
select alert.id, webhook.id, $2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
from alert
join webhook on webhook.enabled
    and array_position(array['info', 'warning', 'critical'], alert.severity)
        >= array_position(array['info', 'warning', 'critical'], webhook.min_severity)
where alert.id = any($1::bigint[])
on conflict do nothing;

-- name: notification_drop
-- Nothing more is to be told of these alerts ($1); event $2 only, null: any.
delete from notification_item
where alert_id = any($1::bigint[]) and notification_id is null and ($2::text is null or event = $2);

-- name: notification_resolved
-- Whoever was told of alerts ($1) is told of their end, at $2; of dismissed ones nobody is.
insert into notification_item (alert_id, webhook_id, event, due)
select told.alert_id, told.webhook_id, 'resolved', timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from (
    select distinct on (alert_id, webhook_id) alert_id, webhook_id, event
    from notification_item
    where alert_id = any($1::bigint[]) and notification_id is not null
    order by alert_id, webhook_id, id desc
) as told
join alert on alert.id = told.alert_id and alert.state <> 'dismissed'
where told.event <> 'resolved'
on conflict do nothing;

-- name: notification_reopened
-- Who was told last that these alerts ($1) were resolved, or nothing yet, is told that they are back. $2 now.
insert into notification_item (alert_id, webhook_id, event, due)
select
    alert.id, webhook.id, case when last.event is null then 'opened' else 'reopened' end,
    timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from alert
join webhook on webhook.enabled
    and array_position(array['info', 'warning', 'critical'], alert.severity)
        >= array_position(array['info', 'warning', 'critical'], webhook.min_severity)
left join lateral (
    select event from notification_item
    where alert_id = alert.id and webhook_id = webhook.id and notification_id is not null
    order by id desc limit 1
) as last on true
where alert.id = any($1::bigint[]) and coalesce(last.event, 'resolved') = 'resolved'
on conflict do nothing;

-- name: notification_pressure
-- Per webhook with something to tell: since when, and what it got in the last hour. $1 now.
with moment as (select timestamptz 'epoch' + $1::bigint * interval '1 microsecond' as now)
select
    webhook.id, (extract(epoch from min(item.due)) * 1000000)::bigint as oldest,
    (
        select count(*) from notification, moment
        where notification.webhook_id = webhook.id and notification.created > moment.now - interval '1 hour'
    ) as sent,
    (
        select coalesce((extract(epoch from max(notification.created)) * 1000000)::bigint, 0) from notification
        where notification.webhook_id = webhook.id
    ) as latest
from webhook
cross join moment
join notification_item as item on item.webhook_id = webhook.id and item.notification_id is null
    and item.due <= moment.now
where webhook.enabled
group by webhook.id;

-- name: notification_untold
-- What a webhook is to be told by now ($2), with what it is grouped by.
select
    item.id, item.alert_id, item.event, alert.rule, alert.severity, enterprise.uscc, enterprise.name as enterprise,
    alert.address
from notification_item as item
join alert on alert.id = item.alert_id
join enterprise on enterprise.id = alert.enterprise_id
where item.webhook_id = $1 and item.notification_id is null
    and item.due <= timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
order by item.id
for update of item;

-- name: notification_insert
insert into notification (webhook_id, body, created, next_attempt)
select $1, $2::jsonb, moment.now, moment.now
from (select timestamptz 'epoch' + $3::bigint * interval '1 microsecond' as now) as moment
returning id;

-- name: notification_take
-- These items ($2) are in the notification $1 now.
update notification_item set notification_id = $1 where id = any($2::bigint[]) and notification_id is null;

-- name: notification_due
-- What is to be sent, oldest first. $1 now, $2 at most so many.
select
    notification.id, notification.attempts, notification.body, webhook.url, webhook.secret,
    (extract(epoch from notification.created) * 1000000)::bigint as created
from notification
join webhook on webhook.id = notification.webhook_id
where notification.state = 'waiting' and webhook.enabled
    and notification.next_attempt <= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
order by notification.id
limit $2;

-- name: notification_sent
update notification set
    state = 'sent', attempts = attempts + 1, last_error = '',
    sent = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
where id = $1;

-- name: notification_failed
-- $2 why, $3 when to try again; null: never.
update notification set
    attempts = attempts + 1, last_error = $2,
    state = case when $3::bigint is null then 'given_up' else 'waiting' end,
    next_attempt = coalesce(timestamptz 'epoch' + $3::bigint * interval '1 microsecond', next_attempt)
where id = $1;

-- name: notification_log
select
    notification.id, webhook.name as webhook, notification.state, notification.attempts, notification.last_error,
    notification.created, notification.sent, notification.body
from notification join webhook on webhook.id = notification.webhook_id
order by notification.id desc limit $1;

-- name: webhook_set
insert into webhook (name, url, secret, min_severity) values ($1, $2, $3, $4)
on conflict (name) do update set
    url = excluded.url, secret = excluded.secret, min_severity = excluded.min_severity, enabled = true;

-- name: webhook_list
select name, url, min_severity, enabled from webhook order by name;

-- name: webhook_disable
update webhook set enabled = false where name = $1 returning id;
