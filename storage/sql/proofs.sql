-- name: proofs_put
insert into proof
    (point_id, day, register, open, allocated, edited, intervals, difference, intervals_wrong, rollups_wrong, sound)
select * from unnest(
    $1::integer[], $2::date[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[],
    $9::integer[], $10::integer[], $11::boolean[]
)
on conflict (point_id, day) do update set
    register = excluded.register, open = excluded.open, allocated = excluded.allocated, edited = excluded.edited,
    intervals = excluded.intervals, difference = excluded.difference, intervals_wrong = excluded.intervals_wrong,
    rollups_wrong = excluded.rollups_wrong, sound = excluded.sound, checked = excluded.checked, stale = false;

-- name: proofs_days
select point_id, day, register, open, allocated, edited, intervals, difference, intervals_wrong, rollups_wrong, sound,
    checked, stale
from proof
where point_id = any($1) and day >= $2 and day <= $3
order by point_id, day;

-- name: proofs_again
-- Days that did not add up when they were last checked, before $1, or have changed since.
select point_id, day from proof where (not sound or stale) and checked < $1 order by day desc, point_id limit $2;

-- name: proofs_unsound_among
select point_id from proof join unnest($1::integer[], $2::date[]) q (point_id, day) using (point_id, day)
where not sound;

-- name: proofs_unsound_count
select count(*) from proof where not sound;

-- name: proofs_pending
-- Points of $1 of which something waits to be computed again.
select distinct point_id from dirty_range where point_id = any($1);

-- name: proofs_lock
-- Nobody else writes rollups until the transaction ends; reading goes on.
lock table rollup_hour, rollup_day in share row exclusive mode;

-- name: proof_run_add
insert into proof_run (zone, day, points, unsound) values ($1, $2, $3, $4)
on conflict (zone, day) do update set points = excluded.points, unsound = excluded.unsound, finished = excluded.finished;

-- name: proof_run_last
select zone, max(day) as day from proof_run group by zone;
