-- What metering review 能源计量审查 asks of instruments and of the enterprise, and the reviews themselves.

alter table meter
    add name text not null default '',
    add category text,
    add place text not null default '',
    add purpose text not null default '',
    add verified_on date,
    add verification_months integer check (verification_months > 0);
comment on column meter.category is 'of config/data/gb17167.toml; null: the usual one of the carrier it measures';

alter table metering_point
    add required boolean not null default true,
    add required_class text not null default '';
comment on column metering_point.required is 'GB 17167 demands a meter here';

alter table enterprise
    add staff jsonb not null default '[]',
    add equipment jsonb not null default '[]',
    add stock jsonb not null default '[]';
comment on column enterprise.staff is 'lists that only review shows, as the registry file gives them';

-- Review reports, frozen as they were made; a second person signs or rejects.
create table review (
    id bigint generated always as identity primary key,
    enterprise_id integer not null references enterprise,
    from_time timestamptz not null,
    to_time timestamptz not null check (to_time > from_time),
    as_of timestamptz not null,
    report bytea not null,
    hash text not null,
    state text not null default 'made' check (state in ('made', 'signed', 'rejected')),
    made_by text not null,
    made_at timestamptz not null default now(),
    decided_by text,
    decided_at timestamptz,
    reason text not null default '',
    check ((state = 'made') = (decided_by is null) and (state = 'made') = (decided_at is null)),
    check (decided_by <> made_by)
);
comment on column review.report is 'the report as JSON, byte for byte what `hash` (SHA-256) is of';
comment on column review.as_of is 'the report holds what was known then';
create index review_enterprise on review (enterprise_id, id);

create function review_stands() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.state <> 'made'
        or (old.enterprise_id, old.from_time, old.to_time, old.as_of, old.report, old.hash, old.made_by, old.made_at)
            is distinct from
            (new.enterprise_id, new.from_time, new.to_time, new.as_of, new.report, new.hash, new.made_by, new.made_at)
    then
        raise exception 'review % stands as it was made and decided', old.id;
    end if;
    return new;
end
$$;
create trigger review_stands before update or delete on review for each row execute function review_stands();
