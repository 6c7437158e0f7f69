-- MovieLens as it is downloaded (ml-latest, ml-25m, …): ratings.csv and movies.csv. Timestamps are seconds.
SELECT
  r.timestamp * 1000 AS time,
  r.userId AS user_id,
  r.movieId AS item_id,
  m.genres,
  m.year,
  r.rating >= 4 AS liked,
  r.rating
FROM 'ratings.csv' r
LEFT JOIN (
  SELECT
    movieId,
    CASE WHEN genres <> '(no genres listed)' THEN string_split(genres, '|') END AS genres,
    TRY_CAST(regexp_extract(title, '\((\d{4})\)\s*$', 1) AS INTEGER) AS year
  FROM 'movies.csv'
) m USING (movieId)
