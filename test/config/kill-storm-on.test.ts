import t from 'tap';
import { surviveKills } from './support/kill-storm.ts';

// The other half of five hundred kills: a slow machine takes three minutes for all of them, and a test has five.
t.test('what was answered survives a kill at any moment, and nothing is there by half', (t) => surviveKills(t, [3, 4]));
