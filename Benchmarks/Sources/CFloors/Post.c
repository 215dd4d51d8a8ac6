#include "CFloors.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>

static size_t discard(char *data, size_t size, size_t count, void *context) {
    (void)data, (void)context;
    return size * count;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

floors_requests floors_post(
    const char *url, const char *const *headers, size_t header_count, const char *body, size_t body_size,
    uint64_t count, int concurrency
) {
    floors_requests result = {0, 0, 0};
    struct curl_slist *list = NULL;
    for (size_t index = 0; index < header_count; index++) list = curl_slist_append(list, headers[index]);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
    CURL **handles = calloc((size_t)concurrency, sizeof(CURL *));
    uint64_t started = 0;
    double start = now();
    for (int index = 0; index < concurrency; index++) {
        CURL *handle = handles[index] = curl_easy_init();
        curl_easy_setopt(handle, CURLOPT_URL, url);
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_size);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, discard);
        curl_easy_setopt(handle, CURLOPT_TIMEOUT, 30L);
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_PROXY, "");
        if (started < count) {
            curl_multi_add_handle(multi, handle);
            started++;
        }
    }
    int running = 1;
    while (result.succeeded + result.failed < count) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) break;
        int left;
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &left))) {
            if (message->msg != CURLMSG_DONE) continue;
            CURL *handle = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result == CURLE_OK && status >= 200 && status < 300) {
                result.succeeded++;
            } else {
                result.failed++;
            }
            curl_multi_remove_handle(multi, handle);
            if (started < count) {
                curl_multi_add_handle(multi, handle);
                started++;
            }
        }
        if (result.succeeded + result.failed < count) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    result.seconds = now() - start;
    for (int index = 0; index < concurrency; index++) {
        curl_multi_remove_handle(multi, handles[index]);
        curl_easy_cleanup(handles[index]);
    }
    free(handles);
    curl_multi_cleanup(multi);
    curl_slist_free_all(list);
    return result;
}
