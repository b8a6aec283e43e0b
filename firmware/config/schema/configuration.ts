import { Object as ObjectType, type Static } from '@sinclair/typebox';
import { arsRoutes, classesOfService, timeProfiles } from './dialling.ts';
import { extensions } from './extension.ts';
import { huntGroups } from './hunt-group.ts';
import { directory, emergencyNumbers, incomingRoutes, lines, locations } from './routing.ts';
import { administrators, certificates, licences } from './security.ts';
import { shortCodes, userRights } from './short-code.ts';
import { lan1, lan2, noUser, system } from './system.ts';
import { users } from './user.ts';

/**
 * The whole configuration, in the order in which it is exported. From it come the TypeScript types, the checks, the JSON
 * Schema (`ringdown config schema`), the defaults and the names of the tables' columns.
 */
export const configurationSchema = ObjectType(
  {
    system,
    lan1,
    lan2,
    users,
    extensions,
    huntGroups,
    shortCodes: shortCodes('Short codes of the system', 'short_codes'),
    userRights,
    lines,
    incomingRoutes,
    arsRoutes,
    classesOfService,
    timeProfiles,
    noUser,
    emergencyNumbers,
    locations,
    directory,
    licences,
    certificates,
    administrators,
  },
  {
    $id: 'urn:ringdown:configuration',
    title: 'Configuration of a Ringdown box',
    additionalProperties: false,
  },
);

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The configuration as every part reads it: complete, checked and never changed in place. */
export type Configuration = DeepReadonly<Static<typeof configurationSchema>>;
export type SystemSettings = Configuration['system'];
export type LanSettings = Configuration['lan1'];
export type User = Configuration['users'][string];
export type Extension = Configuration['extensions'][string];
