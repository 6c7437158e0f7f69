-- KuaiRand-Pure as it is downloaded. Exposures from 2022-04-25 (the set's own date) are rows; what came before is history.
WITH exposures AS (
  SELECT * FROM read_csv('log_standard*.csv*', union_by_name = true)
),
-- Ready-made histories where the folder has such a file. The pattern matches the users' file as well, so it never matches
-- nothing; and a JSON object has no error, only no value, for columns that are not there.
history_rows AS (
  SELECT to_json(r) AS row
  FROM read_csv('user_[fh]*.csv*', union_by_name = true, filename = true) AS r
  WHERE contains(filename, 'user_history')
),
ready_histories AS (
  SELECT
    (row ->> 'user_id')::BIGINT AS user_id,
    (row ->> 'history_len')::DOUBLE AS met,
    (row ->> 'last_time_ms')::DOUBLE AS last_ms,
    string_split(nullif(row ->> 'watch_seq', ''), ' ')::INTEGER[] AS watched,
    string_split(nullif(row ->> 'like_seq', ''), ' ')::INTEGER[] AS liked,
    string_split(nullif(row ->> 'long_watch_seq', ''), ' ')::INTEGER[] AS watched_long
  FROM history_rows
),
logged_histories AS (
  SELECT
    user_id,
    count(*)::DOUBLE AS met,
    max(time_ms)::DOUBLE AS last_ms,
    list(video_id::INTEGER ORDER BY time_ms, video_id)[-50:] AS watched,
    (list(video_id::INTEGER ORDER BY time_ms, video_id) FILTER (is_like = 1))[-50:] AS liked,
    (list(video_id::INTEGER ORDER BY time_ms, video_id) FILTER (long_view = 1))[-50:] AS watched_long
  FROM (SELECT DISTINCT * FROM exposures WHERE date < 20220425)
  GROUP BY user_id
),
histories AS MATERIALIZED (
  SELECT * FROM ready_histories
  UNION ALL
  SELECT * FROM logged_histories WHERE user_id NOT IN (SELECT user_id FROM ready_histories)
),
-- What those histories say about each user and each video: exposures, and shares that were watched long or liked.
met AS MATERIALIZED (
  SELECT
    user_id,
    unnest(watched) AS video_id,
    list_contains(coalesce(watched_long, []), unnest(watched)) AS long_view,
    list_contains(coalesce(liked, []), unnest(watched)) AS is_like
  FROM histories
),
overall AS (SELECT avg(long_view::INTEGER) AS long_view, avg(is_like::INTEGER) AS is_like FROM met),
user_before AS (
  SELECT user_id, count(*) AS n, sum(long_view::INTEGER) AS long_views, sum(is_like::INTEGER) AS likes FROM met GROUP BY ALL
),
video_before AS (
  SELECT video_id, count(*) AS n, sum(long_view::INTEGER) AS long_views, sum(is_like::INTEGER) AS likes FROM met GROUP BY ALL
),
users AS (
  SELECT * FROM read_csv('user_features*.csv*')
),
videos AS (
  SELECT * FROM read_csv('video_features_basic*.csv*')
)
SELECT
  e.time_ms AS time,
  -- The log has no list id. Rows of one user, screen and hour share their user and context features: with feedback that
  -- becomes visible at midnight, nothing that these hold can differ within an hour.
  concat_ws('/', e.user_id, e.tab, (e.time_ms + 8 * 3600000) // 3600000) AS request_id,
  e.user_id,
  e.video_id AS item_id,
  e.tab,
  -- labels; play_time_ms and the stay times are outcomes and must never be inputs
  e.is_click,
  e.long_view,
  e.play_time_ms / 1000 AS watch_seconds,
  e.is_like,
  e.is_profile_enter,
  greatest(e.is_follow, e.is_comment, e.is_forward) AS social,
  -- read by nothing, but what tells exact copies of a row (2.4 %, dropped) from rows that merely look alike
  e.date, e.hourmin, e.profile_stay_time, e.comment_stay_time, e.is_hate, e.is_follow, e.is_comment, e.is_forward, e.is_rand,
  -- the user
  u.* EXCLUDE (user_id, is_lowactive_period),
  coalesce(h.met, 0) AS met_before,
  (1650816000000 - coalesce(h.last_ms, 1649347200000)) / 3600000 AS hours_since_before,  -- up to 2022-04-25 00:00 (UTC+8)
  h.watched AS watched_before,
  h.liked AS liked_before,
  h.watched_long AS watched_long_before,
  coalesce(ub.long_views + 20 * o.long_view, 20 * o.long_view) / (coalesce(ub.n, 0) + 20) AS user_long_before,
  coalesce(ub.likes + 20 * o.is_like, 20 * o.is_like) / (coalesce(ub.n, 0) + 20) AS user_like_before,
  -- the video
  v.author_id,
  v.music_id,
  v.video_type,
  v.upload_type,
  v.music_type,
  v.upload_dt,
  v.upload_dt::VARCHAR AS upload_day,
  v.tag AS tags,
  string_split(v.tag, ',')[1] AS first_tag,
  e.duration_ms / 1000 AS duration,
  len(list_filter([0, 3, 5, 7, 10, 14, 18, 25, 35, 50, 70, 90, 120, 160, 200, 250, 300, 400, 600], lambda s: s < e.duration_ms / 1000))
    AS duration_bucket,
  v.server_width AS width,
  v.server_height / v.server_width AS aspect,
  coalesce(vb.n, 0) AS video_met_before,
  coalesce(vb.long_views + 20 * o.long_view, 20 * o.long_view) / (coalesce(vb.n, 0) + 20) AS video_long_before,
  coalesce(vb.likes + 20 * o.is_like, 20 * o.is_like) / (coalesce(vb.n, 0) + 20) AS video_like_before
FROM exposures e
CROSS JOIN overall o
LEFT JOIN users u USING (user_id)
LEFT JOIN histories h USING (user_id)
LEFT JOIN user_before ub USING (user_id)
LEFT JOIN videos v USING (video_id)
LEFT JOIN video_before vb USING (video_id)
WHERE e.date >= 20220425
