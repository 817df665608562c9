/* A Modbus TCP server by libmodbus, for tests: holding registers 0x100-0x103 and 0x900-0x901, exception 2 elsewhere.
 * Prints its port; serves one connection after another until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint16_t FIRST[] = {0x0001, 0xE240, 2301, 2312}; /* 123456, 230.1 V, 231.2 V */
static const uint16_t SECOND[] = {0x40F0, 0x0000};            /* 7.5 as float32 */

int main(void) {
    modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *low = modbus_mapping_new_start_address(0, 0, 0, 0, 0x100, 4, 0, 0);
    modbus_mapping_t *high = modbus_mapping_new_start_address(0, 0, 0, 0, 0x900, 2, 0, 0);
    int listener = modbus_tcp_listen(context, 4);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (context == NULL || low == NULL || high == NULL || listener < 0) return 1;
    for (int i = 0; i < 4; i++) low->tab_registers[i] = FIRST[i];
    for (int i = 0; i < 2; i++) high->tab_registers[i] = SECOND[i];
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (modbus_tcp_accept(context, &listener) >= 0) {
        uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
        int length;
        while ((length = modbus_receive(context, query)) >= 0) {
            int start = query[8] << 8 | query[9];
            if (length > 0) modbus_reply(context, query, length, start >= 0x800 ? high : low);
        }
        close(modbus_get_socket(context));
    }
    return 0;
}
