-- Why readings are missing, and which gaps belong together.

alter table gap add column planned boolean not null default false;
update gap set planned = cause = 'planned';
alter table gap drop column cause;
alter table gap add column evident text not null default 'silent'
    check (evident in ('silent', 'refused', 'rejected', 'gateway', 'collector', 'stream'));
alter table gap add column cause text not null generated always as (case when planned then 'planned' else evident end) stored;
alter table gap add column evidence jsonb not null default '{}';
alter table gap add column scope text not null default '';
alter table gap add column lead bigint;
alter table gap add column group_id bigint;
alter table gap add column judged boolean not null default false;
comment on column gap.planned is 'it begins in an announced maintenance window';
comment on column gap.evident is
    'silent: the device alone, or nobody can tell; refused: the meter says it has no such register; rejected: what came could not be stored; gateway, collector, stream: all that comes by it was silent at the same time';
comment on column gap.evidence is 'what the cause rests on';
comment on column gap.scope is 'which gateway, collector or stream; empty: none';
comment on column gap.lead is 'the first gap of the same metering point at the same time: together they are one item; null: itself';
comment on column gap.group_id is 'the first item silent by the same scope at the same time; null: none';
comment on column gap.judged is 'the cause was looked for since the gap began, ended or changed its extent';

alter table gap drop constraint gap_state_check;
alter table gap add constraint gap_state_check check (state in ('open', 'estimated', 'accepted', 'closed'));
comment on column gap.state is
    'open: the data are still missing, also when later readings came; estimated: likewise, but its energy is allocated or estimated; accepted: likewise, and somebody accepts that; closed: filled by readings, or none are expected any more';
comment on column gap.closed_by is 'live, backfill: how the readings came; not_expected: the registry does not want them any more';
create index gap_item on gap ((coalesce(lead, id)));
create index gap_unjudged on gap (id) where not judged and state <> 'closed';
create index gap_end on gap ((coalesce(to_time, 'infinity'::timestamptz)));

create function gap_owner(cause text) returns text language sql immutable parallel safe
    return case when cause in ('collector', 'stream') then 'centre' else 'enterprise' end;
comment on function gap_owner is 'whose it is to repair a gap of this cause';

-- What a meter says it has not, as its collector tells.
create table refusal (
    point_id integer not null references point,
    from_time timestamptz not null,
    to_time timestamptz,
    primary key (point_id, from_time)
);
comment on table refusal is 'the register of this point was refused by its meter during [from_time, to_time); null: still';

-- Readings that could not be stored, counted by point and hour; what they were lies in the quarantine.
create table rejection (
    point_id integer not null references point,
    hour timestamptz not null,
    reason text not null,
    first_time timestamptz not null,
    last_time timestamptz not null,
    readings integer not null,
    noted timestamptz not null default now(),
    primary key (point_id, hour, reason)
);
comment on column rejection.hour is 'of the reading, or of when it came where its own time was the fault';
