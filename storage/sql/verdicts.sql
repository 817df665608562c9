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
