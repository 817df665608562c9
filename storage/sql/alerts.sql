-- Alerts and their trail. Instants go in as microseconds since the epoch.

-- name: alert_running
-- Episodes that are not over, whatever people did with their alerts.
select
    id, key, rule, (extract(epoch from coalesce(back_since, onset)) * 1000000)::bigint as onset,
    (extract(epoch from updated_at) * 1000000)::bigint as updated, severity
from alert where ended is null and rule = any($1::text[]);

-- name: alert_open
-- $1 an array of findings, $2 now. A key whose episode runs already is left alone. Found already over: resolved, unless
-- there is an alert about the same time and key or, of silence, about the same place or what it is reached by.
insert into alert (
    key, rule, severity, enterprise_id, metering_point_id, meter_id, address, onset, ended, state, opened_at,
    updated_at, waiting_since, closed_at, amount, tce, money, zh, en, evidence
)
select
    new.key, new.rule, new.severity, new.enterprise_id, new.metering_point_id, new.meter_id, new.address,
    timestamptz 'epoch' + new.onset * interval '1 microsecond',
    timestamptz 'epoch' + new.ended * interval '1 microsecond',
    case when new.ended is null then 'open' else 'resolved' end,
    moment.now, moment.now, moment.now, case when new.ended is not null then moment.now end,
    new.amount, new.tce, new.money, new.zh, new.en, new.evidence
from jsonb_to_recordset($1::jsonb) as new (
    key text, rule text, severity text, enterprise_id integer, metering_point_id integer, meter_id integer,
    address text, onset bigint, ended bigint, amount float8, tce float8, money float8, zh text, en text, evidence jsonb
)
cross join (select timestamptz 'epoch' + $2::bigint * interval '1 microsecond' as now) as moment
where new.ended is null or not exists (
    select from alert as old
    where old.key = new.key
        and old.onset <= timestamptz 'epoch' + new.ended * interval '1 microsecond'
        and coalesce(old.ended, 'infinity') >= timestamptz 'epoch' + new.onset * interval '1 microsecond'
) and not exists (
    select from alert as old
    where new.rule = any(array['gap', 'offline', 'gateway']) and old.rule = any(array['gap', 'offline', 'gateway'])
        and old.enterprise_id = new.enterprise_id
        and old.onset <= timestamptz 'epoch' + new.ended * interval '1 microsecond'
        and coalesce(old.ended, 'infinity') >= timestamptz 'epoch' + new.onset * interval '1 microsecond'
        and (
            old.metering_point_id = new.metering_point_id
            or old.address = new.address and (old.metering_point_id is null or new.metering_point_id is null)
        )
)
on conflict (key) where ended is null do nothing
returning id, key;

-- name: alert_reopen
-- $1 an array of findings, $2 now, $3 microseconds: those whose last episode ended no longer than that before go on in
-- its alert. What was dismissed stays so, what somebody has acknowledged is still theirs.
update alert set
    ended = null, closed_at = case when alert.state = 'dismissed' then alert.closed_at end,
    back_since = timestamptz 'epoch' + new.onset * interval '1 microsecond', reopened = alert.reopened + 1,
    state = case
        when alert.state = 'dismissed' then 'dismissed' when alert.acknowledged_at is null then 'open'
        else 'acknowledged'
    end,
    suppression_id = null, updated_at = moment.now, waiting_since = moment.now, reminded_at = null,
    amount = new.amount, tce = new.tce, money = new.money, zh = new.zh, en = new.en, evidence = new.evidence
from jsonb_to_recordset($1::jsonb) as new (
    key text, onset bigint, amount float8, tce float8, money float8, zh text, en text, evidence jsonb
)
cross join lateral (select id from alert where key = new.key order by id desc limit 1) as last
cross join (select timestamptz 'epoch' + $2::bigint * interval '1 microsecond' as now) as moment
where alert.id = last.id
    and alert.ended >= timestamptz 'epoch' + (new.onset - $3::bigint) * interval '1 microsecond'
returning alert.id, alert.key, alert.state;

-- name: alert_update
-- $1 an array of findings with the alert's id, $2 now. Severity only goes up. The alerts that are open and whose did.
with rank (severity, step) as (values ('info', 1), ('warning', 2), ('critical', 3)
), new as (
    select found.*, alert.severity as had, has.step > had.step as raised
    from jsonb_to_recordset($1::jsonb) as found (
        id bigint, severity text, amount float8, tce float8, money float8, zh text, en text, evidence jsonb
    )
    join alert using (id)
    join rank has on has.severity = found.severity
    join rank had on had.severity = alert.severity
)
update alert set
    severity = case when new.raised then new.severity else alert.severity end,
    amount = new.amount, tce = new.tce, money = new.money, zh = new.zh, en = new.en, evidence = new.evidence,
    updated_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from new
where alert.id = new.id
returning alert.id, new.raised and alert.state in ('open', 'acknowledged') as raised, new.had, alert.severity;

-- name: alert_turn
-- $1 an array of findings with the id of the alert that goes on as each of them, $2 now. Severity only goes up. What rule
-- each was of, and whether it is open and its severity went up.
with rank (severity, step) as (values ('info', 1), ('warning', 2), ('critical', 3)
), new as (
    select found.*, alert.rule as had, has.step > had.step as raised
    from jsonb_to_recordset($1::jsonb) as found (
        id bigint, key text, rule text, severity text, metering_point_id integer, meter_id integer, address text,
        onset bigint, amount float8, tce float8, money float8, zh text, en text, evidence jsonb
    )
    join alert using (id)
    join rank has on has.severity = found.severity
    join rank had on had.severity = alert.severity
)
update alert set
    key = new.key, rule = new.rule, severity = case when new.raised then new.severity else alert.severity end,
    metering_point_id = new.metering_point_id, meter_id = new.meter_id, address = new.address,
    onset = least(alert.onset, timestamptz 'epoch' + new.onset * interval '1 microsecond'),
    amount = new.amount, tce = new.tce, money = new.money, zh = new.zh, en = new.en, evidence = new.evidence,
    updated_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from new
where alert.id = new.id
returning alert.id, new.had, new.raised and alert.state in ('open', 'acknowledged') as raised;

-- name: alert_end
-- $1 an array of endings, $2 now. What is null stays. What people dismissed stays dismissed.
update alert set
    ended = timestamptz 'epoch' + new.ended * interval '1 microsecond',
    state = case when alert.state = 'dismissed' then 'dismissed' else 'resolved' end,
    closed_at = coalesce(alert.closed_at, timestamptz 'epoch' + $2::bigint * interval '1 microsecond'),
    updated_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond',
    amount = coalesce(new.amount, alert.amount), tce = coalesce(new.tce, alert.tce),
    money = coalesce(new.money, alert.money),
    zh = coalesce(new.zh, alert.zh), en = coalesce(new.en, alert.en),
    evidence = coalesce(new.evidence, alert.evidence)
from jsonb_to_recordset($1::jsonb) as new (
    id bigint, ended bigint, amount float8, tce float8, money float8, zh text, en text, evidence jsonb
)
where alert.id = new.id;

-- name: alert_release
-- Suppressed alerts whose suppression has been over for as long as their rule ($2: microseconds by rule) takes to see
-- that what caused them is over too stand open from now ($1) on.
update alert set
    state = 'open', suppression_id = null, updated_at = moment.now, waiting_since = moment.now, reminded_at = null
from suppression
cross join (select timestamptz 'epoch' + $1::bigint * interval '1 microsecond' as now) as moment
where alert.state = 'suppressed' and alert.ended is null and suppression.id = alert.suppression_id
    and (
        suppression.revoked_at is not null
        or suppression.to_time <= moment.now - ($2::jsonb ->> alert.rule)::bigint * interval '1 microsecond'
    )
returning alert.id;

-- name: alert_suppress
-- Live alerts that began within a suppression that is in force, or over for no longer than $3 (microseconds by rule).
-- $1 now, $2 only these alerts; null: any.
update alert set
    state = 'suppressed', suppression_id = suppression.id,
    updated_at = timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
from suppression
where alert.state in ('open', 'acknowledged') and alert.ended is null and ($2::bigint[] is null or alert.id = any($2))
    and suppression.enterprise_id = alert.enterprise_id and suppression.revoked_at is null
    and coalesce(alert.back_since, alert.onset) >= suppression.from_time
    and coalesce(alert.back_since, alert.onset) < suppression.to_time
    and suppression.to_time
        > timestamptz 'epoch' + ($1::bigint - ($3::jsonb ->> alert.rule)::bigint) * interval '1 microsecond'
    and suppression.key in ('', alert.key) and suppression.address in ('', alert.address)
    and (suppression.metering_point_id is null or suppression.metering_point_id = alert.metering_point_id)
returning alert.id, suppression.reason;

-- name: alert_remind
-- Open alerts of severity $2 that nobody was told of for $3 microseconds. $1 now.
update alert set reminded_at = moment.now
from (select timestamptz 'epoch' + $1::bigint * interval '1 microsecond' as now) as moment
where state = 'open' and severity = $2
    and coalesce(reminded_at, waiting_since) <= moment.now - $3::bigint * interval '1 microsecond'
returning id;

-- name: alert_escalate
-- Alerts of severity $2 that nobody has acknowledged for $3 microseconds, once each; they become $4. $1 now.
update alert set escalated_at = moment.now, severity = $4, updated_at = moment.now
from (select timestamptz 'epoch' + $1::bigint * interval '1 microsecond' as now) as moment
where state = 'open' and severity = $2 and escalated_at is null
    and waiting_since <= moment.now - $3::bigint * interval '1 microsecond'
returning id;

-- name: alert_record
-- Audit events.
insert into alert_event (alert_id, at, actor, action, note)
select new.alert_id, timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2, new.action, new.note
from unnest($3::bigint[], $4::text[], $5::text[]) as new (alert_id, action, note);

-- name: alert_places
-- Carrier, direction, region and zone of metering points.
select
    metering_point.id, metering_point.carrier, metering_point.direction, enterprise.region, enterprise.zone
from metering_point join enterprise on enterprise.id = metering_point.enterprise_id
where metering_point.id = any($1::integer[]);

-- name: alert_usual
-- What metering points ($1) use in an hour by the register $2 of each, on average of the days in [$3, $4); those with
-- any consumption only.
select point.metering_point_id, 3600 * sum(day.consumption) / sum(day.seconds) as per_hour
from unnest($1::integer[], $2::text[]) as wanted (metering_point_id, quantity)
join point using (metering_point_id, quantity)
join rollup_day as day on day.point_id = point.id
    and day.start >= timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
    and day.start < timestamptz 'epoch' + $4::bigint * interval '1 microsecond'
group by 1 having sum(day.seconds) > 0;

-- name: alert_items
select * from alert_item where id = any($1::bigint[]) order by id;

-- name: alert_page
-- $1 enterprise, $2 region prefix, $3 states, $4 rule, $5 severity, $6 assignee, $7 carrier: null is any. $8: `newest`
-- first, or by `materiality`: money, then severity. $9 to $11 (money, severity, id) continue behind an item.
select * from (
    select
        alert_item.*,
        case when $8::text = 'newest' then 0 else coalesce(money, 0) end as worth,
        case when $8::text = 'newest' then 0 else array_position(array['info', 'warning', 'critical'], severity) end
            as weight
    from alert_item
) as ranked
where ($1::text is null or uscc = $1)
    and ($2::text is null or starts_with(region, $2))
    and ($3::text[] is null or state = any($3))
    and ($4::text is null or rule = $4)
    and ($5::text is null or severity = $5)
    and ($6::text is null or assignee = $6)
    and ($7::text is null or carrier = $7)
    and ($11::bigint is null or (worth, weight, id) < ($9::double precision, $10::integer, $11::bigint))
order by worth desc, weight desc, id desc
limit $12;

-- name: alert_one
select * from alert_item
where id = $1 and ($2::text is null or uscc = $2) and ($3::text is null or starts_with(region, $3));

-- name: alert_events
select at, actor, action, note from alert_event where alert_id = $1 order by id;

-- name: alert_states
-- Of these alerts those within the asker's bounds, locked. $2 enterprise, $3 region prefix; null: no such bound.
select alert.id, alert.state
from alert join enterprise on enterprise.id = alert.enterprise_id
where alert.id = any($1::bigint[])
    and ($2::text is null or enterprise.uscc = $2) and ($3::text is null or starts_with(enterprise.region, $3))
order by alert.id
for update of alert;

-- name: alert_acknowledge
update alert set state = 'acknowledged', acknowledged_at = now(), updated_at = now() where id = any($1::bigint[]);

-- name: alert_assign
update alert set assignee = $2, updated_at = now() where id = any($1::bigint[]);

-- name: alert_touch
update alert set updated_at = now() where id = any($1::bigint[]);

-- name: alert_reinstate
-- A dismissal, or a resolution while the episode runs.
update alert set
    state = case
        when ended is not null then 'resolved' when acknowledged_at is null then 'open' else 'acknowledged'
    end,
    closed_at = ended, updated_at = now(), waiting_since = now(), reminded_at = null
where id = $1 and (state = 'dismissed' or ended is null)
returning state;

-- name: alert_close
-- $2: resolved or dismissed.
update alert set state = $2, closed_at = now(), updated_at = now() where id = any($1::bigint[]);
