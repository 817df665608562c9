-- What inspections of the watch look at.

-- name: history_sites
-- Metering points with the meter that stands there now.
select
    m.id, m.code, m.name, m.carrier, m.direction, coalesce(parent.code, '') as parent,
    e.id as enterprise_id, e.uscc, e.name as enterprise, e.zone,
    placed.id as meter_id, coalesce(placed.code, '') as meter, coalesce(placed.address, '') as address,
    placed.verified_until
from metering_point m
join enterprise e on e.id = m.enterprise_id
left join metering_point parent on parent.id = m.parent_id
left join lateral (
    select meter.id, meter.code, meter.verified_until, c.address
    from installation i
    join meter on meter.id = i.meter_id
    left join connection c on c.meter_id = meter.id
    where i.metering_point_id = m.id and i.valid_from <= now() and (i.valid_to is null or i.valid_to > now())
    order by i.valid_from desc
    limit 1
) placed on true
order by e.uscc, m.code;

-- name: history_hours
-- Readings of points $1 in [$2, $3) by hour (UTC).
select r.*
from unnest($1::integer[]) q (point_id)
cross join lateral (
    select point_id, date_trunc('hour', time, 'UTC') as hour, count(*)::integer, avg(value), min(value), max(value)
    from reading
    where point_id = q.point_id and time >= $2 and time < $3
    group by 1, 2
    offset 0
) r;

-- name: history_conflicts
-- Readings of points $1 in [$2, $3) that differ from the stored one of the same time, by day of zone $4.
select point_id, date_trunc('day', time, $4::text) as day, count(*)::integer, count(*)::integer
from reading_conflict
where point_id = any($1::integer[]) and time >= $2 and time < $3
group by 1, 2;

-- name: history_delays
-- Readings of points $1 in [$3, $4) that were not back-filled (flag 1), by day of zone $5: all, and those received later
-- than $2 seconds after their time.
select r.*
from unnest($1::integer[], $2::double precision[]) q (point_id, seconds)
cross join lateral (
    select
        point_id, date_trunc('day', time, $5::text) as day, count(*)::integer,
        (count(*) filter (where received > time + q.seconds * interval '1 second'))::integer
    from reading
    where point_id = q.point_id and time >= $3 and time < $4 and flags & 1 = 0
    group by 1, 2
    offset 0
) r;

-- name: history_promptest
-- Readings of points $1 in [$2, $3) whose time the sender set (flag 2) and that were not back-filled (flag 1), by hour:
-- the least seconds from their time to their receipt.
select r.*
from unnest($1::integer[]) q (point_id)
cross join lateral (
    select
        point_id, date_trunc('hour', time, 'UTC') as hour,
        min(extract(epoch from received - time))::double precision as delay
    from reading
    where point_id = q.point_id and time >= $2 and time < $3 and flags & 3 = 2
    group by 1, 2
    offset 0
) r;

-- name: history_verdicts
-- Verdicts of kind $2 on readings of points $1 in [$3, $4), in order.
select
    point_id, (extract(epoch from from_time) * 1000000)::bigint as first,
    (extract(epoch from to_time) * 1000000)::bigint as last,
    (extract(epoch from base_time) * 1000000)::bigint as base, evidence::text
from verdict
where point_id = any($1::integer[]) and kind = $2 and from_time >= $3 and from_time < $4
order by point_id, from_time;

-- name: history_uninspected
select (extract(epoch from since) * 1000000)::bigint from uninspected;

-- name: history_uninspected_set
insert into uninspected (since) values (timestamptz 'epoch' + $1::bigint * interval '1 microsecond')
on conflict (one) do update set since = excluded.since where excluded.since < uninspected.since;

-- name: history_uninspected_drop
delete from uninspected;
