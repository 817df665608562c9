-- Virtual metering points: nothing is stored of them, they are sums of others at the time of the question.

alter table metering_point add formula jsonb;
comment on column metering_point.formula is 'virtual: code of a metering point of the enterprise -> its share; null: metered';
