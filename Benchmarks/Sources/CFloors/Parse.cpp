#include "CFloors.h"

#include <ctime>

#include <simdjson.h>

static double cpu_seconds() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

double floors_parse(const char *bytes, size_t count, int times) {
    simdjson::padded_string text(bytes, count);
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    // The first parse makes room; it is not counted.
    if (parser.parse(text).get(document) != simdjson::SUCCESS) return -1;
    double start = cpu_seconds();
    for (int round = 0; round < times; round++) {
        if (parser.parse(text).get(document) != simdjson::SUCCESS) return -1;
    }
    return cpu_seconds() - start;
}
