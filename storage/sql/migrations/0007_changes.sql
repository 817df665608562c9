-- What was shown when, and why that changed. Intervals say since when they are shown (`metered_interval.since`); what
-- they replace is kept here, so that any answer can be given again as it was.

create table change (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor text not null,
    reason text not null
);
comment on table change is 'one cause of changed history: a registry apply, an edit or its undo, late readings';
comment on column change.actor is 'who did it; `ingest` when readings did';

create table interval_version (
    point_id integer not null,
    seconds integer not null,
    start timestamptz not null,
    consumption double precision,
    expected integer not null,
    received integer not null,
    quality smallint not null,
    method smallint not null,
    since timestamptz not null,
    until timestamptz not null check (since < until),
    change_id bigint not null references change,
    primary key (point_id, start, since)
);
comment on table interval_version is 'intervals as they were shown during [since, until), and what changed them';
create index interval_version_change on interval_version (change_id, point_id);

create function intervals_at(points integer[], first timestamptz, past timestamptz, as_of timestamptz)
returns table (
    point_id integer, start timestamptz, seconds integer, consumption double precision, quality smallint,
    method smallint, expected integer, received integer
) language sql stable as $$
    select point_id, start, seconds, consumption, quality, method, expected, received
    from metered_interval
    where point_id = any(points) and start >= first and start < past and since <= as_of
    union all
    select point_id, start, seconds, consumption, quality, method, expected, received
    from interval_version
    where point_id = any(points) and start >= first and start < past and since <= as_of and as_of < until
$$;
comment on function intervals_at is 'the intervals that start in [first, past) as they were shown at an instant';

-- How often readings were expected is part of an answer, and an apply can change it for the past.
create table schedule_version (
    point_id integer not null references point,
    valid_from timestamptz not null,
    cadence_s integer,
    until timestamptz not null,
    primary key (point_id, valid_from, until)
);
comment on table schedule_version is 'rows of `schedule` that were in force until then';
create index schedule_version_until on schedule_version (until);

alter table point add column since timestamptz not null default statement_timestamp();
comment on column point.since is 'from when on it is in answers';

alter table dirty_range add column change_id bigint references change;
comment on column dirty_range.change_id is 'why they must be made again; null: readings came that were put off';

-- What the register engine says of readings now.
create table verdict (
    id bigint generated always as identity primary key,
    point_id integer not null references point,
    kind text not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    base_time timestamptz not null,
    told_time timestamptz not null,
    detected_at timestamptz not null default now(),
    evidence jsonb not null,
    unique (point_id, from_time, kind)
);
comment on column verdict.kind is 'collector/registers.py, Kind; held: not yet to be told';
comment on column verdict.from_time is 'the first reading it is about; to_time the last one';
comment on column verdict.base_time is 'the last good reading before them';
comment on column verdict.told_time is 'the reading that told';
create index verdict_time on verdict (from_time);
create index verdict_held on verdict (point_id) where kind = 'held';

-- What authorised people do to data. The word in `action` is told in storage/edits.py.
create table edit (
    id bigint generated always as identity primary key,
    point_id integer not null references point,
    from_time timestamptz not null,
    to_time timestamptz not null check (from_time <= to_time),
    action text not null check (action in ('exclude', 'accept', 'reset', 'rollover', 'set', 'estimate')),
    amount double precision,
    reason text not null,
    actor text not null,
    at timestamptz not null default now(),
    change_id bigint not null references change,
    undone_by text,
    undone_at timestamptz,
    undo_reason text,
    undo_change_id bigint references change
);
comment on column edit.to_time is 'the last reading it is about; of set and estimate the end of the last interval';
comment on column edit.amount is 'of set the consumption, of rollover the modulus; in the canonical unit';
create index edit_point on edit (point_id, id);
create index edit_in_force on edit (point_id, action) where undone_at is null;

create function is_excluded(point integer, instant timestamptz) returns boolean language sql stable as $$
    select exists (
        select from edit
        where point_id = point and action = 'exclude' and undone_at is null and instant between from_time and to_time
    )
$$;
comment on function is_excluded is 'whether people have excluded the reading of a point at an instant';

-- When intervals last changed; one row, written by the one who writes them.
create table shown (
    one boolean primary key default true check (one),
    at timestamptz not null
);
insert into shown (at) values (now());
