-- What hour and day rollups are: sums of intervals, added in order of time so that they come out equal to the last bit
-- on every engine. A set-returning SQL function of this form is expanded into the query that calls it.

create function interval_sums(point integer, first timestamptz, past timestamptz)
returns table (
    seconds integer, consumption double precision, expected integer, received integer,
    quality smallint, intervals smallint, estimated smallint, edited smallint
) language sql stable as $$
    select
        coalesce(sum(i.seconds) filter (where i.consumption is not null), 0)::integer,
        sum(i.consumption order by i.start),
        sum(i.expected)::integer,
        sum(i.received)::integer,
        max(i.quality),
        count(i.consumption)::smallint,
        (count(*) filter (where i.quality = 2))::smallint,
        (count(*) filter (where i.quality = 1))::smallint
    from metered_interval i
    where i.point_id = point and i.start >= first and i.start < past
$$;
comment on function interval_sums is 'one row; quality is null where no interval starts in [first, past)';
