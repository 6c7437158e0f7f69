-- The simulated platform's log: one row per video shown, with what is known of the user and the video.
SELECT
  i.time,
  i.request_id,
  i.user_id,
  i.item_id,
  i.position,
  i.device,
  u.age_group,
  u.registered_at,
  v.author_id,
  v.topic,
  v.tags,
  v.duration,
  v.uploaded_at,
  v.look::FLOAT[] AS look,
  i.clicked,
  i.watch_seconds,
  i.liked,
  i.dismissed,
  i.rating  -- of the few who were asked; NULL for the others
FROM 'impressions.csv' i
JOIN 'users.csv' u USING (user_id)
JOIN 'items.csv' v USING (item_id)
