/* What events.c and ordinary.c share: the events that are ordinary, and what recording them takes. */

#ifndef HG_MCP_ORDINARY_H
#define HG_MCP_ORDINARY_H

#include "hot.h"

#define EVENTS(EVENT) EVENT(node_start) EVENT(node_end) EVENT(run_start) EVENT(run_end) EVENT(superstep_start)

#define INDEX(event) OF_##event,
enum { EVENTS(INDEX) EVENT_COUNT };

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
    NAME(status)                                                                                                       \
    NAME(_value_)

/* Objects of the linker and its modules that stay the same. */
#define KEPT(NAME)                                                                                                     \
    NAME(open)                                                                                                         \
    NAME(windows)                                                                                                      \
    NAME(names)                                                                                                        \
    NAME(monotonic_ns)                                                                                                 \
    NAME(main_thread)                                                                                                  \
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
    PyObject_HEAD PyObject *write;
    unsigned long main_thread;
    Py_ssize_t window;
    PyObject *rules[EVENT_COUNT];
    long root, map_root, node_run, item_run, nested_map;
    struct {
        NAMES(DECLARE)
    } name;
    struct {
        KEPT(DECLARE)
    } kept;
    struct {
        Py_ssize_t kind, frame, run, parent, path, item, started, executions, nested, call;
    } span;
    struct {
        Py_ssize_t step, status, ended_at, duration_ms, final, cached, chunks, nested_run_id;
    } row;
    struct {
        Py_ssize_t run, steps;
    } run_row;
    struct {
        Py_ssize_t frame, numbers, open_spans;
    } run;
} Ordinary;

/* Records an event: 1 when done, 0 where it is out of the ordinary and nothing has changed, -1 with an error. */
#define RECORDS(event_name) int event_name(Ordinary *self, PyObject *event);
EVENTS(RECORDS)

#endif
