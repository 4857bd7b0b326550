/* What records ordinary events: their handlers (handler.c), the facts they read of an event (facts.c), and what they do
   with those (events.c), on state that they share (ordinary.c). */

#ifndef HG_MCP_ORDINARY_H
#define HG_MCP_ORDINARY_H

#include "hot.h"

#define EVENTS(EVENT) EVENT(node_start) EVENT(node_end) EVENT(run_start) EVENT(run_end) EVENT(superstep_start)

/* Attributes of events. */
#define NAMES(NAME)                                                                                                    \
    NAME(span_id)                                                                                                      \
    NAME(parent_span_id)                                                                                               \
    NAME(run_id)                                                                                                       \
    NAME(node_name)                                                                                                    \
    NAME(graph_name)                                                                                                   \
    NAME(timestamp)                                                                                                    \
    NAME(superstep)                                                                                                    \
    NAME(created_at)                                                                                                   \
    NAME(item_index)                                                                                                   \
    NAME(duration_ms)                                                                                                  \
    NAME(cached)                                                                                                       \
    NAME(chunks)                                                                                                       \
    NAME(status)

#define INDEX(name) OF_##name,
typedef enum { NAMES(INDEX) NAME_COUNT } Name;

/* Objects of the linker and its modules that stay the same. */
#define KEPT(NAME)                                                                                                     \
    NAME(open)                                                                                                         \
    NAME(windows)                                                                                                      \
    NAME(names)                                                                                                        \
    NAME(monotonic_ns)                                                                                                 \
    NAME(thread_name)                                                                                                  \
    NAME(turn_window)                                                                                                  \
    NAME(note_call)                                                                                                    \
    NAME(started_values)                                                                                               \
    NAME(ended_values)                                                                                                 \
    NAME(StepFrame)                                                                                                    \
    NAME(RunFrame)                                                                                                     \
    NAME(OpenRun)                                                                                                      \
    NAME(Span)                                                                                                         \
    NAME(item_statuses)                                                                                                \
    NAME(NODE)                                                                                                         \
    NAME(ITEM)                                                                                                         \
    NAME(NODE_RUN)                                                                                                     \
    NAME(ITEM_RUN)                                                                                                     \
    NAME(RUNNING)                                                                                                      \
    NAME(COMPLETED)

#define DECLARE(name) PyObject *name;
typedef struct {
    PyObject base;
    PyObject *write;
    Writer *writer; /* whose method ``write`` is, borrowed from it; NULL for any other callable */
    PyObject *names[NAME_COUNT], *value_name;
    struct {
        KEPT(DECLARE)
    } kept;
    int is_clock; /* whether monotonic_ns is the clock itself */
    long main_thread, window, root, map_root, node_run, item_run, nested_map;
    struct {
        Py_ssize_t kind, frame, run, parent, path, item, started, executions, nested, call;
    } span;
    struct {
        Py_ssize_t step, status, ended_at, duration_ms, final, cached, nested_run_id;
    } row;
    struct {
        Py_ssize_t run, steps;
    } run_row;
    struct {
        Py_ssize_t frame, numbers, open_spans;
    } run;
} Ordinary;

/* What records events of one type. */
struct Handler {
    PyObject base;
    vectorcallfunc vectorcall;
    Ordinary *ordinary;
    PyObject *rule;
    PyTypeObject *type;
    int (*record)(const Handler *self, PyObject *event);
    int is_dropped;
    Py_ssize_t slots[NAME_COUNT]; /* where events of the type keep their attributes; -1 for those without a slot */
};

/* An object as an Ordinary; NULL with a TypeError if it is none. */
Ordinary *as_ordinary(PyObject *object);

/* Records an event: 1 when done, 0 where it is out of the ordinary and nothing has changed, -1 with an error. */
#define RECORDS(event_name) int event_name(const Handler *self, PyObject *event);
EVENTS(RECORDS)

/* Facts of an event (facts.c). Each gives a new reference; NULL where the fact is out of the ordinary, with an error
   only if that is no Exception, which the caller is to hand on. */

PyObject *fact(const Handler *self, PyObject *event, Name name);
PyObject *text(const Handler *self, PyObject *event, Name name);

/* Microseconds since the epoch. */
PyObject *micros(const Handler *self, PyObject *event, Name name);

/* A name as it is recorded, where it was seen before: the recorder's redaction looked at it then. */
PyObject *clean_name(const Handler *self, PyObject *event, Name name);

/* A fact that an event need not have: -1 with an error, NULL in ``found`` where it is absent. */
int optional(const Handler *self, PyObject *event, Name name, PyObject **found);

/* Paths (paths.c): ``above/name``, ``above/name@execution`` from the second on, and ``above[item]``. */

/* Whether a node's name stands in a path as it is, as identifiers do. */
int is_plain_name(PyObject *name);

PyObject *path_of_node(PyObject *above, PyObject *name, PyObject *execution);
PyObject *path_of_item(PyObject *above, PyObject *item);

#endif
