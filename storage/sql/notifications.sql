-- What targets are told. Instants go in as microseconds since the epoch.

-- name: notification_tell
-- Of alerts ($1) an event ($2) is to be told to whom they concern. $3 now.
insert into notification_item (alert_id, target_id, event, due)
select alert.id, target.id, $2, timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
from alert
join target on target.enabled
    and (target.enterprise_id is null or target.enterprise_id = alert.enterprise_id)
    and (not target.escalations_only or $2 = 'escalated')
    and array_position(array['info', 'warning', 'critical'], alert.severity)
        >= array_position(array['info', 'warning', 'critical'], target.min_severity)
where alert.id = any($1::bigint[])
on conflict do nothing;

-- name: notification_assigned
-- Target $2 is to be told that an alert ($1) was assigned to it, unless it may only be told of another enterprise. $3 now.
insert into notification_item (alert_id, target_id, event, due)
select alert.id, target.id, 'assigned', timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
from alert
join target on target.enabled and target.name = $2
    and (target.enterprise_id is null or target.enterprise_id = alert.enterprise_id)
where alert.id = $1
on conflict do nothing;

-- name: notification_drop
-- Nothing more is to be told of these alerts ($1); event $2 only, null: any.
delete from notification_item
where alert_id = any($1::bigint[]) and notification_id is null and ($2::text is null or event = $2);

-- name: notification_resolved
-- Whoever was told of alerts ($1) is told of their end, at $2; of dismissed ones nobody is.
insert into notification_item (alert_id, target_id, event, due)
select told.alert_id, told.target_id, 'resolved', timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from (
    select distinct on (alert_id, target_id) alert_id, target_id, event
    from notification_item
    where alert_id = any($1::bigint[]) and notification_id is not null
    order by alert_id, target_id, id desc
) as told
join alert on alert.id = told.alert_id and alert.state <> 'dismissed'
where told.event <> 'resolved'
on conflict do nothing;

-- name: notification_reopened
-- Who was told last that these alerts ($1) were resolved, or nothing yet, is told that they are back. $2 now.
insert into notification_item (alert_id, target_id, event, due)
select
    alert.id, target.id, case when last.event is null then 'opened' else 'reopened' end,
    timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from alert
join target on target.enabled
    and (target.enterprise_id is null or target.enterprise_id = alert.enterprise_id)
    and array_position(array['info', 'warning', 'critical'], alert.severity)
        >= array_position(array['info', 'warning', 'critical'], target.min_severity)
left join lateral (
    select event from notification_item
    where alert_id = alert.id and target_id = target.id and notification_id is not null
    order by id desc limit 1
) as last on true
where alert.id = any($1::bigint[])
    and (last.event = 'resolved' or (last.event is null and not target.escalations_only))
on conflict do nothing;

-- name: notification_pressure
-- Per target with something to tell: since when, and what it got in the last hour. $1 now.
with moment as (select timestamptz 'epoch' + $1::bigint * interval '1 microsecond' as now)
select
    target.id, target.digest, target.zone, (extract(epoch from min(item.due)) * 1000000)::bigint as oldest,
    (
        select count(*) from notification, moment
        where notification.target_id = target.id and not notification.test
            and notification.created > moment.now - interval '1 hour'
    ) as sent,
    (
        select coalesce((extract(epoch from max(notification.created)) * 1000000)::bigint, 0) from notification
        where notification.target_id = target.id and not notification.test
    ) as latest
from target
cross join moment
join notification_item as item on item.target_id = target.id and item.notification_id is null
    and item.due <= moment.now
where target.enabled
group by target.id;

-- name: notification_untold
-- What a target is to be told by now ($2), with what it is grouped by.
select
    item.id, item.alert_id, item.event, alert.rule, alert.severity, enterprise.uscc, enterprise.name as enterprise,
    alert.address
from notification_item as item
join alert on alert.id = item.alert_id
join enterprise on enterprise.id = alert.enterprise_id
where item.target_id = $1 and item.notification_id is null
    and item.due <= timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
order by item.id
for update of item;

-- name: notification_insert
-- $4 whether it is a test.
insert into notification (target_id, body, created, next_attempt, test)
select $1, $2::jsonb, moment.now, moment.now, $4
from (select timestamptz 'epoch' + $3::bigint * interval '1 microsecond' as now) as moment
returning id;

-- name: notification_take
-- These items ($2) are in the notification $1 now.
update notification_item set notification_id = $1 where id = any($2::bigint[]) and notification_id is null;

-- name: notification_due
-- What is to be sent: first what has failed least, so that a target that does not answer holds up no other. What was
-- not yet told of an alert goes before what happened to it since. $1 now, $2 at most so many.
select
    notification.id, notification.attempts, notification.body, target.name, target.kind, target.address, target.secret,
    target.language, notification.test, (extract(epoch from notification.created) * 1000000)::bigint as created
from notification
join target on target.id = notification.target_id
where notification.state = 'waiting'
    and notification.next_attempt <= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
    and not exists (
        select from notification as earlier
        join notification_item as before on before.notification_id = earlier.id
        join notification_item as own on own.alert_id = before.alert_id and own.notification_id = notification.id
        where earlier.target_id = notification.target_id and earlier.state = 'waiting' and earlier.id < notification.id
    )
order by notification.attempts, notification.id
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

-- name: notification_one
select state, attempts, last_error as error from notification where id = $1;

-- name: notification_page
-- The delivery log, newest first. $1 target's name, $2 state: null is any; $3: ids below.
select
    notification.id, target.name as target, target.kind, notification.test, notification.state, notification.attempts,
    notification.last_error, notification.created, notification.sent, notification.next_attempt, notification.body
from notification join target on target.id = notification.target_id
where ($1::text is null or target.name = $1)
    and ($2::text is null or notification.state = $2)
    and ($3::bigint is null or notification.id < $3)
order by notification.id desc limit $4;

-- name: target_set
-- $8: uscc of the only enterprise; null: all.
insert into target (
    name, kind, address, secret, min_severity, language, digest, zone, escalations_only, enterprise_id
)
values ($1, $2, $3, $4, $5, $6, $7, $9, $10, (select id from enterprise where uscc = $8))
on conflict (name) do update set
    kind = excluded.kind, address = excluded.address, secret = excluded.secret, min_severity = excluded.min_severity,
    language = excluded.language, digest = excluded.digest, zone = excluded.zone,
    escalations_only = excluded.escalations_only, enterprise_id = excluded.enterprise_id, enabled = true
returning id;

-- name: target_list
-- $1 only this name; null: all.
select
    target.id, target.name, target.kind, target.address, target.secret, target.min_severity,
    enterprise.uscc as enterprise, target.language, target.digest, target.zone, target.escalations_only, target.enabled
from target
left join enterprise on enterprise.id = target.enterprise_id
where $1::text is null or target.name = $1
order by target.name;

-- name: target_enterprise
select id from enterprise where uscc = $1;

-- name: target_disable
update target set enabled = false where name = $1 returning id;

-- name: target_forget
-- Nothing that waits for target $1 is told any more.
delete from notification_item where target_id = $1 and notification_id is null;

-- name: target_give_up
update notification set state = 'given_up', last_error = 'the target was disabled'
where target_id = $1 and state = 'waiting';

-- name: target_audit
insert into audit (actor, action, kind, code, after) values ($1, $2, 'target', $3, $4);
