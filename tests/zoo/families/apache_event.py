"""httpd with the event MPM: two processes with threads. Keep-alive connections reach each of them."""

from tests.zoo.families.apache_prefork import Apache

EVENT = """\
LoadModule mpm_event_module {modules}/mod_mpm_event.so
KeepAlive On
KeepAliveTimeout 86400
MaxKeepAliveRequests 0
StartServers {count}
ServerLimit {count}
ThreadsPerChild 4
ThreadLimit 4
MinSpareThreads 4
MaxSpareThreads 8
MaxRequestWorkers 8
LuaScope server
"""


class ApacheEvent(Apache):
    name = "apache-event"
    group = "httpd.*"
    mpm = EVENT
    keeps = True
    count = 2


FAMILY = ApacheEvent
