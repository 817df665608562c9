-- Alerts and their trail. Instants go in as microseconds since the epoch.

-- name: alert_running
-- Episodes that are not over, whatever people did with their alerts.
select
    id, key, rule, (extract(epoch from onset) * 1000000)::bigint as onset,
    (extract(epoch from updated_at) * 1000000)::bigint as updated
from alert where ended is null and rule = any($1::text[]);

-- name: alert_open
-- $1 an array of findings, $2 now. A key whose episode runs already is left alone. Found already over: resolved.
insert into alert (
    key, rule, severity, enterprise_id, metering_point_id, meter_id, onset, ended, state, opened_at, updated_at,
    closed_at, zh, en, evidence
)
select
    new.key, new.rule, new.severity, new.enterprise_id, new.metering_point_id, new.meter_id,
    timestamptz 'epoch' + new.onset * interval '1 microsecond',
    timestamptz 'epoch' + new.ended * interval '1 microsecond',
    case when new.ended is null then 'open' else 'resolved' end,
    moment.now, moment.now, case when new.ended is not null then moment.now end, new.zh, new.en, new.evidence
from jsonb_to_recordset($1::jsonb) as new (
    key text, rule text, severity text, enterprise_id integer, metering_point_id integer, meter_id integer,
    onset bigint, ended bigint, zh text, en text, evidence jsonb
)
cross join (select timestamptz 'epoch' + $2::bigint * interval '1 microsecond' as now) as moment
where new.ended is null or not exists (
    select from alert as old
    where old.key = new.key and old.onset = timestamptz 'epoch' + new.onset * interval '1 microsecond'
)
on conflict (key) where ended is null do nothing
returning id, key;

-- name: alert_update
-- $1 an array of findings with the alert's id, $2 now.
update alert set
    zh = new.zh, en = new.en, evidence = new.evidence,
    updated_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
from jsonb_to_recordset($1::jsonb) as new (id bigint, zh text, en text, evidence jsonb)
where alert.id = new.id;

-- name: alert_end
-- $1 an array of endings, $2 now. Texts that are null stay. What people dismissed stays dismissed.
update alert set
    ended = timestamptz 'epoch' + new.ended * interval '1 microsecond',
    state = case when alert.state in ('open', 'acknowledged') then 'resolved' else alert.state end,
    closed_at = coalesce(alert.closed_at, timestamptz 'epoch' + $2::bigint * interval '1 microsecond'),
    updated_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond',
    zh = coalesce(new.zh, alert.zh), en = coalesce(new.en, alert.en),
    evidence = coalesce(new.evidence, alert.evidence)
from jsonb_to_recordset($1::jsonb) as new (id bigint, ended bigint, zh text, en text, evidence jsonb)
where alert.id = new.id;

-- name: alert_record
-- Audit events.
insert into alert_event (alert_id, at, actor, action, note)
select new.alert_id, timestamptz 'epoch' + $1::bigint * interval '1 microsecond', $2, new.action, new.note
from unnest($3::bigint[], $4::text[], $5::text[]) as new (alert_id, action, note);

-- name: alert_items
select * from alert_item where id = any($1::bigint[]) order by id;

-- name: alert_page
-- Newest first. $1 enterprise, $2 region prefix, $3 states, $4 rule: null is any; $5: ids below.
select * from alert_item
where ($1::text is null or uscc = $1)
    and ($2::text is null or starts_with(region, $2))
    and ($3::text[] is null or state = any($3))
    and ($4::text is null or rule = $4)
    and ($5::bigint is null or id < $5)
order by id desc
limit $6;

-- name: alert_one
select * from alert_item
where id = $1 and ($2::text is null or uscc = $2) and ($3::text is null or starts_with(region, $3));

-- name: alert_events
select at, actor, action, note from alert_event where alert_id = $1 order by id;

-- name: alert_acknowledge
update alert set state = 'acknowledged', updated_at = now() where id = $1 and state = 'open' returning id;

-- name: alert_acknowledged
insert into alert_event (alert_id, actor, action, note) values ($1, $2, 'acknowledged', $3);
