/*
 * Preloaded into Kamailio: each database that it opens gets `synchronous=NORMAL`, for which db_sqlite has no parameter, and
 * its processes wait for each other.
 */
#include <dlfcn.h>
#include <stddef.h>

typedef int open_function(const char *, void **, int, const char *);
typedef int exec_function(void *, const char *, void *, void *, char **);

int sqlite3_open_v2(const char *file, void **database, int flags, const char *vfs);

int sqlite3_open_v2(const char *file, void **database, int flags, const char *vfs) {
  void *library = dlopen("libsqlite3.so.0", RTLD_NOW);
  if (library == NULL) return 1;
  open_function *open_database;
  exec_function *execute;
  *(void **)&open_database = dlsym(library, "sqlite3_open_v2");
  *(void **)&execute = dlsym(library, "sqlite3_exec");
  if (open_database == NULL || execute == NULL) return 1;
  int status = open_database(file, database, flags, vfs);
  if (status == 0) execute(*database, "PRAGMA busy_timeout=5000; PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
  return status;
}
