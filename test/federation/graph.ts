import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { type Process, runGateway } from '../support/process.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { type Subgraph, startSubgraph } from './subgraphs.ts';

export type Graph = {
  supergraph: string;
  simulator: Simulator['state'];
  /** The URL of the simulator. */
  upstream: string;
  gateway: Process;
  accounts: Subgraph;
  /** The proxy between the router and the gateway. */
  recorder: Recorder;
  stop: () => Promise<void>;
};

/** Starts everything behind a router: the gateway in front of a simulator, and the two other subgraphs. */
export async function startGraph(): Promise<Graph> {
  const simulator = createSimulator();
  const upstream = await simulator.start('127.0.0.1', 0);
  const gateway = runGateway({
    ZENSKAR_URL: upstream,
    UPSTREAM_RETRIES: '0',
    PURGE_TOKEN: 'purge-token',
    ADMIN_PORT: '0',
  });
  const [, url = ''] = await gateway.printed(/"url":"([^"]+)"/);
  const recorder = await startRecorder(url);
  const accounts = await startSubgraph('accounts');
  const catalogue = await startSubgraph('catalogue');
  const sdl = readFileSync(new URL('../../schema/entitlements.graphql', import.meta.url), 'utf8');
  const { supergraphSdl, errors } = composeServices([
    { name: 'entitlements', url: `${recorder.url}/graphql`, typeDefs: parse(sdl) },
    { name: 'accounts', url: accounts.url, typeDefs: parse(accounts.sdl) },
    { name: 'catalogue', url: catalogue.url, typeDefs: parse(catalogue.sdl) },
  ]);
  if (supergraphSdl === undefined) throw new Error(String(errors));

  async function stop(): Promise<void> {
    recorder.stop();
    gateway.signal('SIGTERM');
    await gateway.exited;
    await accounts.stop();
    await catalogue.stop();
    await simulator.stop();
  }
  return {
    supergraph: supergraphSdl,
    simulator: simulator.state,
    upstream,
    gateway,
    accounts,
    recorder,
    stop,
  };
}
