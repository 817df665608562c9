-- What is counted per point and day for the quality figures, beside the rollups. Days go in and out as days since 1970.

-- name: late_add
insert into late_day (point_id, day, readings)
select point_id, date '1970-01-01' + day, readings
from unnest($1::integer[], $2::integer[], $3::integer[]) q (point_id, day, readings)
on conflict (point_id, day) do update set readings = late_day.readings + excluded.readings;

-- name: late_forget
delete from late_day l
using point p
join metering_point m on m.id = p.metering_point_id
join enterprise e on e.id = m.enterprise_id
where l.point_id = p.id and e.uscc = any($1::text[]);

-- name: late_again
-- Of the enterprises $1, in the zones they have now; of points that have days, which are the registers.
insert into late_day (point_id, day, readings)
select p.id, (r.time at time zone e.zone)::date, count(*)
from enterprise e
join metering_point m on m.enterprise_id = e.id
join point p on p.metering_point_id = m.id
join reading r on r.point_id = p.id
where e.uscc = any($1::text[]) and r.received > r.time + $2 * interval '1 second'
    and exists (select from rollup_day d where d.point_id = p.id)
group by 1, 2;

-- name: daily_late
-- Of points $1 during [$2, $3), days being those of zone $4.
select point_id, day - date '1970-01-01', readings from late_day
where point_id = any($1::integer[]) and day >= ($2 at time zone $4)::date and day < ($3 at time zone $4)::date;

-- name: daily_conflicts
-- Readings that differ from the stored one of the same time.
select point_id, (time at time zone $4)::date - date '1970-01-01', count(*)::integer
from reading_conflict
where point_id = any($1::integer[]) and time >= $2 and time < $3
group by 1, 2;

-- name: daily_doubtful
-- Readings about which a verdict stands that says they are not what the register showed, or that the register did what
-- it must not. Lateral with offset 0: one index scan per verdict.
select v.point_id, (r.time at time zone $4)::date - date '1970-01-01', count(*)::integer
from verdict v
cross join lateral (
    select time from reading
    where point_id = v.point_id and time between v.from_time and v.to_time and time >= $2 and time < $3
    offset 0
) r
where v.point_id = any($1::integer[]) and v.kind in ('transient', 'reset', 'reverse', 'frozen', 'limit', 'held')
    and v.from_time < $3 and v.to_time >= $2
group by 1, 2;

-- name: measured_hours
-- Hours of points $1 in [$2, $3), midnights of zone $4, that were measured from end to end. A day that was has all of its
-- hours, so only the hours of other days are looked at.
with day as materialized (
    select point_id, start, past, seconds, quality = 0 and seconds = extract(epoch from past - start) as whole
    from rollup_day
    cross join lateral (select ((start at time zone $4)::date + 1)::timestamp at time zone $4 as past) next
    where point_id = any($1::integer[]) and start >= $2 and start < $3
)
select point_id, sum(hours)::integer
from (
    select point_id, sum(seconds / 3600) as hours from day where whole group by 1
    union all
    select day.point_id, hour.measured
    from day
    cross join lateral (
        select count(*) as measured from rollup_hour
        where point_id = day.point_id and start >= day.start and start < day.past and seconds = 3600 and quality = 0
        offset 0
    ) hour
    where not day.whole
) found
group by 1;

-- name: proved_sums
-- What was proved of points $1 on the days [$2, $3]: on how many of them, what the registers counted, what the intervals
-- of these days add up to.
select point_id, count(*) as days, sum(register) as register, sum(intervals) as intervals
from proof
where point_id = any($1::integer[]) and day between $2 and $3
group by 1;
