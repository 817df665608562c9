-- That the intervals of a day add up to what the registers counted, per point and day, as it was last checked.

create table proof (
    point_id integer not null references point,
    day date not null,
    register double precision not null,
    open double precision not null,
    allocated double precision not null,
    edited double precision not null,
    intervals double precision not null,
    difference double precision not null,
    intervals_wrong integer not null,
    rollups_wrong integer not null,
    sound boolean not null,
    checked timestamptz not null default now(),
    primary key (point_id, day)
);
comment on table proof is 'intervals = register - open + allocated + edited + difference; canonical unit, after CT and PT';
comment on column proof.day is 'in the enterprise''s zone: the intervals that start on it';
comment on column proof.register is 'what the registers counted over the day''s intervals, of every stretch that is known';
comment on column proof.open is 'the part of it in intervals without value: in doubt, or not known to their end';
comment on column proof.allocated is 'what the estimate of a gap puts on this day, taken from its other days';
comment on column proof.edited is 'what people set, less what the registers counted meanwhile';
comment on column proof.intervals_wrong is 'stored intervals that are not what follows from the readings';
comment on column proof.rollups_wrong is 'stored hours and days that are not the sums of their intervals';
create index proof_unsound on proof (day) where not sound;

create table proof_run (
    zone text not null,
    day date not null,
    points integer not null,
    unsound integer not null,
    finished timestamptz not null default now(),
    primary key (zone, day)
);
comment on table proof_run is 'days of which all points were checked in the night after';
