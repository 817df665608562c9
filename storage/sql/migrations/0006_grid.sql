-- How long the intervals of a point are from then on, written by `registry apply` (config/grid.py). Rows of the past
-- never change, so that intervals are not cut anew. A quarter of an hour where no row says otherwise.
create table grid (
    point_id integer not null references point,
    valid_from timestamptz not null,
    seconds integer not null check (seconds > 0 and 86400 % seconds = 0),
    primary key (point_id, valid_from)
);

-- Points there are already keep the lengths that their intervals have.
insert into grid (point_id, valid_from, seconds)
select point_id, to_timestamp(case when had is null then 0 else ceil(start / lcm) * lcm end), max(seconds)
from (
    select point_id, extract(epoch from start) as start, seconds, had, lcm(seconds, coalesce(had, seconds))
    from (
        select point_id, start, seconds, lag(seconds) over (partition by point_id order by start) as had
        from metered_interval
        where point_id in (select point_id from schedule where cadence_s > 900)
    ) of_point
    where seconds <> coalesce(had, 900)
) change
group by 1, 2;
