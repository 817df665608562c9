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
