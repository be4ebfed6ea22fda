// What makes the connections of a request that goes through a proxy. undici waits five minutes for the answer to a CONNECT;
// here it has to come as soon as a direct connection would.
import { type buildConnector, type Dispatcher, errors, Pool } from 'undici';

type Connector = buildConnector.connector;
type Connection = buildConnector.Options & { readonly signal?: AbortSignal };

/** A factory of dispatchers for undici's ProxyAgent. `timeout`: milliseconds until a proxy must have opened its tunnel. */
export function tunnelFactory(timeout: number): (origin: URL, options: object) => Dispatcher {
  return (origin, options: Pool.Options) => {
    const { connect } = options;
    if (typeof connect !== 'function') return new Pool(origin, options);
    return new Pool(origin, { ...options, connect: withDeadline(connect, timeout) });
  };
}

function withDeadline(connect: Connector, timeout: number): Connector {
  return (options, callback) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(tooLate(timeout)), timeout);
    // The types say nothing of it, but what opens a tunnel heeds a signal.
    const connection: Connection = { ...options, signal: stop.signal };
    connect(connection, (...result) => {
      clearTimeout(timer);
      callback(...result);
    });
  };
}

function tooLate(timeout: number): Error {
  return new errors.ConnectTimeoutError(`the proxy opened no tunnel within ${timeout / 1000} s`);
}
