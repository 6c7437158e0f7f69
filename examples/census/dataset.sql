-- The census table of the UCI repository (adult.data): people, no users, no lists, no time. Their order stands for time, and
-- keeps people who merely look alike from being taken for copies of one row.
SELECT
  946684800000 + 1000 * row_number() OVER () AS time,
  * EXCLUDE (weight, marital_status, income),
  income = '>50K' AS earns_more,
  marital_status = 'Never-married' AS never_married
FROM read_csv(
  'adult.data',
  header = false,
  delim = ', ',
  nullstr = '?',
  columns = {
    age: 'INTEGER', employer: 'VARCHAR', weight: 'INTEGER', education: 'VARCHAR', school_years: 'INTEGER',
    marital_status: 'VARCHAR', occupation: 'VARCHAR', relationship: 'VARCHAR', race: 'VARCHAR', sex: 'VARCHAR',
    capital_gain: 'INTEGER', capital_loss: 'INTEGER', hours: 'INTEGER', country: 'VARCHAR', income: 'VARCHAR'
  }
)
