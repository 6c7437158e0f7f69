import { existsSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { loadRanker } from '../../src/definition/index.js';
import { openDataset, simulate, type Dataset } from '../../training/dataset/index.js';
import { collect, folderOf } from './builder.js';

const openRanker = async (folder: string, directory: string): Promise<Dataset> => {
  const { definition, sql, sqlFile } = await loadRanker(`${folder}/ranker.yaml`);
  return openDataset({ definition, sql: sql ?? '', sqlFile, directory, threads: 2 });
};

test('the demo reads what the simulator writes', async () => {
  await using folder = await folderOf({});
  const { rows, requests, world, from } = await simulate({
    directory: folder.directory,
    seed: 1,
    days: 1,
    requestsPerDay: 20,
    users: 10,
  });
  const dataset = await openRanker('models/demo', folder.directory);
  expect([...dataset.warnings.counts]).toEqual([]);
  expect(await dataset.count()).toBe(rows);
  const read = await collect(dataset);
  expect(read).toHaveLength(requests);
  for (const { requestId, user, context, candidates, time, positions } of read) {
    const index = Number(requestId?.split('_')[1]);
    const request = world.request(0, index);
    expect(time).toBe(request.time);
    expect(time).toBeGreaterThanOrEqual(from);
    expect(user).toEqual(world.userFields(request.person));
    expect(context).toEqual({ device: request.device });
    expect([...positions]).toEqual(candidates.map((_, place) => place + 1));
    expect(candidates).toEqual(
      world.shown(request).map((video) => ({ ...world.itemFields(video), tags: video.tags.join(' ') })),
    );
  }
  await dataset.close();
});

describe('KuaiRand-Pure', () => {
  const columns =
    'user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab';
  const users = `user_id,user_active_degree,is_lowactive_period,is_live_streamer,is_video_author,follow_user_num,follow_user_num_range,fans_user_num,fans_user_num_range,friend_user_num,friend_user_num_range,register_days,register_days_range,${Array.from({ length: 18 }, (_, i) => `onehot_feat${i}`).join(',')}
5,full_active,0,1,1,514,500+,150,"[100,1k)",34,"[30,60)",799,730+,${Array.from({ length: 18 }, (_, i) => i).join(',')}
`;
  const videos = `video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,server_height,music_id,music_type,tag
1,71,NORMAL,2022-04-10,LongImport,0.0,10000.0,720.0,1280.0,9155697141,9.0,"39,68"
2,72,NORMAL,2022-04-09,Web,0.0,,720.0,1280.0,6355810746,,3
`;
  const day = (date: string): number => Date.parse(`${date}T12:00:00+08:00`);
  const exposure = (date: string, video: number, rest: string): string =>
    `5,${video},${date.replaceAll('-', '')},1200,${day(date)},${rest},0,0,0,0,1\n`;
  // click, like, follow, comment, forward, hate, long_view, play_time_ms, duration_ms
  const download = {
    'log_standard_4_08_to_4_21_pure.csv': `${columns}\n${exposure('2022-04-20', 1, '1,1,0,0,0,0,1,9000,10000')}`,
    'log_standard_4_22_to_5_08_pure.csv': `${columns}\n${exposure('2022-04-22', 2, '0,0,0,0,0,0,0,100,5000')}${exposure('2022-04-25', 1, '1,0,0,1,0,0,0,3000,10000')}${exposure('2022-04-25', 1, '1,0,0,1,0,0,0,3000,10000')}`,
    'log_random_4_22_to_5_08_pure.csv': `${columns}\n${exposure('2022-04-26', 2, '0,0,0,0,0,0,0,100,5000')}`,
    'user_features_pure.csv': users,
    'video_features_basic_pure.csv': videos,
  };

  test('as downloaded: the standard log from 04-25 on, with the earlier days as history', async () => {
    await using folder = await folderOf(download);
    const dataset = await openRanker('models/kuairand', folder.directory);
    expect([...dataset.warnings.counts]).toEqual([['duplicate_rows', 1]]);
    const requests = await collect(dataset);
    expect(requests).toHaveLength(1);
    const [request] = requests;
    expect(request?.time).toBe(day('2022-04-25'));
    expect(request?.user).toMatchObject({
      user_id: 5,
      onehot_feat17: 17,
      watched_before: [1, 2],
      liked_before: [1],
      watched_long_before: [1],
      met_before: 2,
      hours_since_before: 60,
    });
    expect(request?.candidates[0]).toMatchObject({
      item_id: 1,
      author_id: 71,
      music_id: 9155697141,
      tags: '39,68',
      first_tag: '39',
      duration: 10,
      duration_bucket: 4,
      video_met_before: 1,
    });
    expect(request?.labels.map(([label]) => label)).toEqual([1, 0, 3, 0, 0, 1]);
    await dataset.close();
  });

  test('with ready-made histories: those are used', async () => {
    await using folder = await folderOf({
      ...download,
      'user_history_before_20220425.csv': `user_id,history_len,last_time_ms,watch_seq,like_seq,long_watch_seq\n5,3,${day('2022-04-24')},2 2 1,,2\n`,
    });
    const dataset = await openRanker('models/kuairand', folder.directory);
    const [request] = await collect(dataset);
    expect(request?.user).toMatchObject({
      watched_before: [2, 2, 1],
      liked_before: null,
      watched_long_before: [2],
      met_before: 3,
      hours_since_before: 12,
    });
    await dataset.close();
  });

  const shared = '../shared/data/kuairand-pure';
  (existsSync(shared) ? test : test.skip)(
    'the published log has 180,495 distinct rows, 92,220 of them before 05-01',
    async () => {
      const dataset = await openRanker('models/kuairand', shared);
      expect(dataset.warnings.counts.get('duplicate_rows')).toBe(185_177 - 180_495);
      expect(dataset.warnings.counts.get('conflicting_request_fields')).toBeUndefined();
      expect(await dataset.count()).toBe(180_495);
      expect(await dataset.count({ until: Date.parse('2022-05-01T00:00+08:00') })).toBe(92_220);
      await dataset.close();
    },
  );
});

describe('foreign shapes need YAML and SQL alone', () => {
  test('MovieLens: ratings, films and genres', async () => {
    await using folder = await folderOf({
      'ratings.csv': 'userId,movieId,rating,timestamp\n1,2,4.0,1112486027\n1,1,3.5,1112486020\n2,9,0.5,1112486100\n',
      'movies.csv':
        'movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n2,"Net, The (1996)",(no genres listed)\n',
    });
    const dataset = await openRanker('examples/movielens', folder.directory);
    const read = await collect(dataset);
    expect(
      read.map(({ time, user, candidates, labels }) => [time, user, candidates[0], labels.map(([label]) => label)]),
    ).toEqual([
      [1112486020000, { user_id: 1 }, { item_id: 1, genres: ['Adventure', 'Animation'], year: 1995 }, [0, 3.5]],
      [1112486027000, { user_id: 1 }, { item_id: 2, genres: null, year: 1996 }, [1, 4]],
      [1112486100000, { user_id: 2 }, { item_id: 9, genres: null, year: null }, [0, 0.5]],
    ]);
    await dataset.close();
  });

  test('a census: two labels, no users, no time', async () => {
    const person =
      '39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, United-States, <=50K';
    await using folder = await folderOf({
      'adult.data': `${person}\n${person}\n50, ?, 83311, Bachelors, 13, Divorced, Sales, Husband, Black, Female, 0, 0, 13, Cuba, >50K\n\n`,
    });
    const dataset = await openRanker('examples/census', folder.directory);
    expect([...dataset.warnings.counts]).toEqual([]);
    const read = await collect(dataset);
    expect(read.map(({ labels }) => labels.map(([label]) => label))).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
    ]);
    expect(read[2]).toMatchObject({
      user: {},
      context: {},
      candidates: [{ age: 50, employer: null, education: 'Bachelors', country: 'Cuba', hours: 13 }],
    });
    await dataset.close();
  });
});
