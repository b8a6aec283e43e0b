import { outputOf } from './process-output.ts';
import { repositoryPath } from './repository.ts';

/** A first build has libraries in it, and may share its processors with all other tests. */
const BUILD_TIMEOUT_MS = 300_000;

/** Builds media-check and datagrams-check, the C code under sanitizers, in build/native/x64. */
export async function buildNativeChecks(): Promise<void> {
  await outputOf(`${repositoryPath}/scripts/build-native`, ['check'], undefined, BUILD_TIMEOUT_MS);
}
