import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { Config } from '../config/config.ts';

/** Where Apollo Sandbox runs; its requests come from there. */
const sandboxOrigins = ['https://studio.apollographql.com', 'https://sandbox.embed.apollographql.com'];

/** What a browser sees at the endpoint. */
export function createLandingPage({ GRAPHQL_EXPLORER }: Config): ApolloServerPlugin {
  return GRAPHQL_EXPLORER === 'sandbox'
    ? ApolloServerPluginLandingPageLocalDefault({ embed: { runTelemetry: false } })
    : ApolloServerPluginLandingPageDisabled();
}

/** The browser origins from which the explorer asks. */
export function explorerOrigins({ GRAPHQL_EXPLORER }: Config): readonly string[] {
  return GRAPHQL_EXPLORER === 'sandbox' ? sandboxOrigins : [];
}
