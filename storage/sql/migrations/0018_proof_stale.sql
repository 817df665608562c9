-- A day that changed since it was proved is proved again.

alter table proof add stale boolean not null default false;
comment on column proof.stale is 'intervals of the day have changed since it was checked';
drop index proof_unsound;
create index proof_unsound on proof (day) where not sound or stale;
