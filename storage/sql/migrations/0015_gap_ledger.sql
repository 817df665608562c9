-- What people do with gaps: a loss can be accepted, a gap given to somebody; every act is in its trail.

alter table gap drop constraint gap_state_check;
alter table gap add constraint gap_state_check check (state in ('open', 'accepted', 'closed'));
alter table gap add column assignee text not null default '';
comment on column gap.state is
    'open: the data are still missing, also when later readings came; accepted: likewise, and somebody accepts that; closed: filled by readings';
comment on column gap.assignee is 'name of the key whose holder deals with it; empty: nobody';
drop index gap_open;
create index gap_open on gap (point_id, from_time) where state <> 'closed';

create table gap_event (
    id bigint generated always as identity primary key,
    gap_id bigint not null references gap,
    at timestamptz not null default now(),
    actor text not null,
    action text not null check (action in ('accepted', 'assigned', 'commented')),
    note text not null default ''
);
create index gap_event_gap on gap_event (gap_id);
