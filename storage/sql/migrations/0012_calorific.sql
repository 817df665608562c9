-- Measured net calorific values, which go before default factors at the time of the question.

alter table enterprise add calorific_values jsonb not null default '[]';
comment on column enterprise.calorific_values is 'by fuel and days, as the registry file gives them';
