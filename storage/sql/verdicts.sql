-- Verdicts of the register engine. Instants go in and out as microseconds since the epoch.

-- name: verdicts_within
-- Those that begin in the ranges. $4 and $5 are the bounds of all of them.
select
    v.id, v.point_id as point, v.kind, v.evidence::text,
    (extract(epoch from v.base_time) * 1000000)::bigint as base,
    (extract(epoch from v.from_time) * 1000000)::bigint as first,
    (extract(epoch from v.to_time) * 1000000)::bigint as last,
    (extract(epoch from v.told_time) * 1000000)::bigint as told
from unnest($1::integer[], $2::bigint[], $3::bigint[]) q (point_id, first, past)
join verdict v on v.point_id = q.point_id and v.from_time >= at_us(q.first) and v.from_time < at_us(q.past)
where v.from_time >= $4 and v.from_time < $5;

-- name: verdicts_held
-- Those of these points whose latest readings are in doubt.
select distinct point_id from verdict where kind = 'held' and point_id = any($1::integer[]);

-- name: verdicts_delete
delete from verdict where id = any($1::bigint[]);

-- name: verdicts_put
insert into verdict (point_id, kind, from_time, to_time, base_time, told_time, evidence)
select point, kind, at_us(first), at_us(last), at_us(base), at_us(told), evidence
from json_to_recordset($1::json) as new (
    point integer, kind text, base bigint, first bigint, last bigint, told bigint, evidence jsonb
)
on conflict (point_id, from_time, kind) do update set
    to_time = excluded.to_time, base_time = excluded.base_time, told_time = excluded.told_time,
    evidence = excluded.evidence;

-- name: verdict_page
-- Newest first. $1 enterprise, $2 region prefix, $3 metering point, $4 kind: null is any; $5: ids below; $6: only this.
select
    verdict.id, verdict.point_id, enterprise.uscc, enterprise.name as enterprise, enterprise.zone,
    metering_point.code as metering_point, point.quantity, verdict.kind, verdict.from_time, verdict.to_time,
    verdict.base_time, verdict.told_time, verdict.detected_at, verdict.evidence::text
from verdict
join point on point.id = verdict.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where ($1::text is null or enterprise.uscc = $1)
    and ($2::text is null or starts_with(enterprise.region, $2))
    and ($3::integer is null or metering_point.id = $3)
    and ($4::text is null or verdict.kind = $4)
    and ($5::bigint is null or verdict.id < $5)
    and ($6::bigint is null or verdict.id = $6)
order by verdict.id desc
limit $7;

-- name: verdict_readings
-- What verdict $1 is about: the point, its first and its last reading, and the one after that.
select
    point_id, kind, (extract(epoch from from_time) * 1000000)::bigint as first,
    (extract(epoch from to_time) * 1000000)::bigint as last,
    (select (extract(epoch from time) * 1000000)::bigint from reading
     where reading.point_id = verdict.point_id and time > verdict.to_time order by time limit 1) as next
from verdict where id = $1;

-- name: verdicts_gaps_around
-- Gaps and estimates within reach ($7 before them, $8 after) of changed intervals that were not to be as they are: those
-- before the gap, those that were there, and what follows the gap as far as it counted or will count now. Lateral with
-- offset 0: of each point the few gaps in reach, not all there ever were.
select v.point_id, (extract(epoch from v.from_time) * 1000000)::bigint as first,
    (extract(epoch from v.to_time) * 1000000)::bigint as past
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[], $6::boolean[])
    q (point_id, first, last, day, reached, altered)
cross join lateral (
    select * from verdict
    where point_id = q.point_id and kind in ('gap', 'estimate')
        and to_time > at_us(q.first - $8) and from_time <= at_us(q.last + $7)
    offset 0
) v
where q.altered or at_us(q.first) < v.from_time
    or date '1970-01-01' + q.day < (v.evidence ->> 'until')::date
    or date '1970-01-01' + q.reached > (v.evidence ->> 'until')::date;
