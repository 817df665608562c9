-- History that came in and has not been looked at by inspections yet; at most one row.
create table uninspected (
    one boolean primary key default true check (one),
    since timestamptz not null
);
comment on table uninspected is 'back-filled readings from `since` on; another watch that takes over looks at them';
