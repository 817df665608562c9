-- The ledger walks gaps by group, newest first; gaps around an instant are found among millions.
create index gap_group on gap ((coalesce(group_id, lead, id)));
drop index gap_end;
create index gap_span on gap using gist (tstzrange(from_time, to_time));
