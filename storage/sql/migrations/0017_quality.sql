-- How much of what was received came late, kept per day: looking at every reading of a month would take minutes.

create table late_day (
    point_id integer not null,
    day date not null,
    readings integer not null check (readings > 0),
    primary key (point_id, day)
);
comment on table late_day is 'readings of registers received more than 15 minutes after their own time; no row where there are none';
comment on column late_day.day is 'of the reading''s own time, in the enterprise''s zone';

create index installation_meter on installation (meter_id);
