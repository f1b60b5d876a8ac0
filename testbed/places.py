"""Where the captures of a subcategory lie, and how they are named, as in BoT-IoT."""

# Folder below PCAPs/ and file prefix; the order of the words differs between the two, as there.
PLACES = {
    "Service_Scan": ("Scan/Service", "IoT_Dataset_ServiceScan_"),
    "OS_Fingerprint": ("Scan/OS", "IoT_Dataset_OSScan_"),
    "DoS_TCP": ("DoS/DoS_TCP", "IoT_Dataset_TCP_DoS_"),
    "DoS_UDP": ("DoS/DoS_UDP", "IoT_Dataset_UDP_DoS_"),
    "DoS_HTTP": ("DoS/DoS_HTTP", "IoT_Dataset_HTTP_DoS_"),
    "DDoS_TCP": ("DDoS/DDoS_TCP", "IoT_Dataset_TCP_DDoS_"),
    "DDoS_UDP": ("DDoS/DDoS_UDP", "IoT_Dataset_UDP_DDoS_"),
    "DDoS_HTTP": ("DDoS/DDoS_HTTP", "IoT_Dataset_HTTP_DDoS_"),
    "Data_Exfiltration": ("Theft/Data_Exfiltration", "IoT_Dataset_data_theft_"),
    "Keylogging": ("Theft/Keylogging", "IoT_Keylogging_"),
}
