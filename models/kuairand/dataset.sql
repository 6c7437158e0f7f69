-- KuaiRand-Pure as it is downloaded. Exposures from 2022-04-25 (the set's own date) are rows; what came before is history.
WITH exposures AS (
  SELECT * FROM read_csv('log_standard*.csv*', union_by_name = true)
),
-- Ready-made histories where the folder has such a file. The pattern matches the users' file as well, so it never matches
-- nothing; and a JSON object has no error, only no value, for columns that are not there.
history_rows AS (
  SELECT to_json(r) AS row
  FROM read_csv('user_[fh]*.csv*', union_by_name = true, filename = true, all_varchar = true) AS r
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
users AS (
  SELECT * FROM read_csv('user_features*.csv*')
),
videos AS (
  SELECT *, string_split(tag, ',')[1] AS first_tag FROM read_csv('video_features_basic*.csv*', types = {'tag': 'VARCHAR'})
),
-- What those histories say about users, videos, authors and tags: how often met, and the share watched long or liked, as
-- log-odds, with 20 average meetings mixed in.
met AS MATERIALIZED (
  SELECT m.*, v.author_id, v.first_tag, len(list_filter([0, 3, 5, 7, 10, 14, 18, 25, 35, 50, 70, 90, 120, 160, 200, 250, 300, 400, 600], lambda s: s < v.video_duration / 1000)) AS duration_bucket
  FROM (
    SELECT
      user_id,
      unnest(watched) AS video_id,
      list_contains(coalesce(watched_long, []), unnest(watched))::INTEGER AS long_view,
      list_contains(coalesce(liked, []), unnest(watched))::INTEGER AS is_like
    FROM histories
  ) m
  LEFT JOIN videos v USING (video_id)
),
overall AS (
  SELECT
    avg(long_view) AS long_view,
    avg(is_like) AS is_like
  FROM met
),
before AS MATERIALIZED (
  SELECT
    user_id,
    video_id,
    author_id,
    first_tag,
    count(*) AS n,
    ln((sum(met.long_view) + 20 * any_value(o.long_view)) / (sum(1 - met.long_view) + 20 * (1 - any_value(o.long_view)))) AS long_view,
    ln((sum(met.is_like) + 20 * any_value(o.is_like)) / (sum(1 - met.is_like) + 20 * (1 - any_value(o.is_like)))) AS is_like
  FROM met, overall o
  WHERE o.long_view BETWEEN 1e-6 AND 1 - 1e-6 AND o.is_like BETWEEN 1e-6 AND 1 - 1e-6
  GROUP BY GROUPING SETS ((user_id), (video_id), (author_id), (first_tag))
),
shares AS (SELECT user_id, 1 / (1 + exp(-long_view)) AS share, long_view FROM before WHERE user_id IS NOT NULL),
-- How much more or less than usual a user watched long of an author, a tag, a length: a difference of log-odds, with 5 of
-- the user's usual meetings mixed in.
leaning AS MATERIALIZED (
  SELECT
    user_id, author_id, first_tag, duration_bucket,
    count(*) AS n,
    ln((sum(met.long_view) + 5 * any_value(share)) / (sum(1 - met.long_view) + 5 * (1 - any_value(share)))) - any_value(shares.long_view) AS long_view
  FROM met JOIN shares USING (user_id)
  GROUP BY GROUPING SETS ((user_id, author_id), (user_id, first_tag), (user_id, duration_bucket))
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
  coalesce(len(h.liked), 0) AS likes_before,
  h.watched_long AS watched_long_before,
  coalesce(ub.long_view, 0) AS user_long_before,
  coalesce(ub.is_like, 0) AS user_like_before,
  -- the video
  v.author_id,
  v.music_id,
  v.video_type,
  v.upload_type,
  v.music_type,
  v.upload_dt,
  v.upload_dt::VARCHAR AS upload_day,
  v.tag AS tags,
  v.first_tag,
  e.duration_ms / 1000 AS duration,
  len(list_filter([0, 3, 5, 7, 10, 14, 18, 25, 35, 50, 70, 90, 120, 160, 200, 250, 300, 400, 600], lambda s: s < e.duration_ms / 1000))
    AS duration_bucket,
  v.server_width AS width,
  v.server_height / v.server_width AS aspect,
  coalesce(vb.n, 0) AS video_met_before,
  coalesce(vb.long_view, 0) AS video_long_before,
  coalesce(vb.is_like, 0) AS video_like_before,
  coalesce(ab.long_view, 0) AS author_long_before,
  coalesce(ab.is_like, 0) AS author_like_before,
  coalesce(tb.long_view, 0) AS tag_long_before,
  coalesce(tb.is_like, 0) AS tag_like_before,
  coalesce(la.n, 0) AS user_author_met_before,
  coalesce(la.long_view, 0) AS user_author_long_before,
  coalesce(lt.n, 0) AS user_tag_met_before,
  coalesce(lt.long_view, 0) AS user_tag_long_before,
  coalesce(ld.n, 0) AS user_duration_met_before,
  coalesce(ld.long_view, 0) AS user_duration_long_before,
  coalesce(list_contains(h.watched, e.video_id), false)::INTEGER AS user_video_met_before
FROM exposures e
LEFT JOIN users u USING (user_id)
LEFT JOIN histories h USING (user_id)
LEFT JOIN videos v USING (video_id)
-- Of a grouping set the other keys are NULL, so that each of these meets its own set only.
LEFT JOIN before ub ON ub.user_id = e.user_id
LEFT JOIN before vb ON vb.video_id = e.video_id
LEFT JOIN before ab ON ab.author_id = v.author_id
LEFT JOIN before tb ON tb.first_tag = v.first_tag
LEFT JOIN leaning la ON la.user_id = e.user_id AND la.author_id = v.author_id
LEFT JOIN leaning lt ON lt.user_id = e.user_id AND lt.first_tag = v.first_tag
LEFT JOIN leaning ld ON ld.user_id = e.user_id AND ld.duration_bucket = len(list_filter([0, 3, 5, 7, 10, 14, 18, 25, 35, 50, 70, 90, 120, 160, 200, 250, 300, 400, 600], lambda s: s < e.duration_ms / 1000))
WHERE e.date >= 20220425
