-- `offset 0` keeps a lateral subquery what it is: one index scan per point. Joined freely, with statistics that lag behind
-- a table that only grows, the planner at times compares every row with every point.

-- name: make_room
select make_room($1, $2);

-- name: keep_readings
select keep_readings($1);

-- name: readings_near
-- What is stored between the first and the last instant of each point, at most $4 rows. $5 and $6 as in readings_around.
select r.point_id, r.time, r.value
from unnest($1::integer[], $2::bigint[], $3::bigint[]) q (point_id, first, last)
cross join lateral (
    select point_id, time, value from reading
    where point_id = q.point_id and time between at_us(q.first) and at_us(q.last)
      and time between $5::timestamptz and $6::timestamptz
    offset 0
) r
limit $4;

-- name: readings_at
select r.point_id, r.time, r.value
from unnest($1::integer[], $2::bigint[]) q (point_id, at)
join reading r on r.point_id = q.point_id and r.time = at_us(q.at);

-- name: reading_conflicts
insert into reading_conflict (point_id, flags, time, value, received)
select point_id, flags, at_us(at), value, at_us(received)
from unnest($1::integer[], $2::smallint[], $3::bigint[], $4::double precision[], $5::bigint[])
    q (point_id, flags, at, value, received)
on conflict do nothing;

-- name: readings_around
-- $6 and $7, the first and the last instant of all, are constants by which partitions are left out when planning.
-- Before and after, readings that people have excluded do not count.
select r.point_id, r.time, r.value, r.flags
from (
    select u.*, exists (
        select from edit e where e.point_id = u.point_id and e.action = 'exclude' and e.undone_at is null
    ) as edited
    from unnest($1::integer[], $2::bigint[], $3::bigint[]) u (point_id, first, last)
    offset 0
) q
cross join lateral (
    (select point_id, time, value, flags from reading
     where point_id = q.point_id and time < at_us(q.first) and time < $7::timestamptz
       and not (q.edited and is_excluded(point_id, time))
     order by time desc limit $4)
    union all
    (select point_id, time, value, flags from reading
     where point_id = q.point_id and time between at_us(q.first) and at_us(q.last)
       and time between $6::timestamptz and $7::timestamptz)
    union all
    (select point_id, time, value, flags from reading
     where point_id = q.point_id and time > at_us(q.last) and time > $6::timestamptz
       and not (q.edited and is_excluded(point_id, time))
     order by time limit $5)
) r;

-- name: readings_extent
-- How many readings point $1 has in [$2, $3), counted up to $4, and the first and the last of them.
select
    count(*) as count, (extract(epoch from min(time)) * 1000000)::bigint as first,
    (extract(epoch from max(time)) * 1000000)::bigint as last
from (select time from reading where point_id = $1 and time >= $2 and time < $3 limit $4) counted;

-- name: readings_series
select point_id, time, value, flags from reading
where point_id = $1 and time >= $2 and time < $3
order by time;

-- name: readings_latest
select r.point_id, r.time, r.value, r.flags
from unnest(coalesce($1::integer[], (select array_agg(id) from point))) q (point_id)
cross join lateral (
    select point_id, time, value, flags from reading where point_id = q.point_id order by time desc limit 1
) r;
